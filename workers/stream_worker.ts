/// <reference lib="deno.worker" />
/**
 * A worker thread: opens what the coordinator lends it, runs the loop, and says
 * what became of it. It owns no native object but its own buffers.
 */
import process from "node:process";
import {
  type ClientEvent,
  errorFromCode,
  Inbox,
  isClientRefused,
  openLibrary,
  Outbox,
} from "../src/kafka/mod.ts";
import { FencedError, Phase, WorkerPage } from "../src/pool/page.ts";
import type {
  FromWorker,
  OpenMessage,
  ToWorker,
  WorkerFailure,
} from "../src/pool/protocol.ts";
import { RateGate } from "../src/pool/rate_limit.ts";
import {
  createLog,
  logClientLine,
  type LogLine,
} from "../src/telemetry/log.ts";
import { AcknowledgedSink } from "./acknowledged_sink.ts";
import { DelayTopics } from "./delay_topics.ts";
import { DueGate } from "./due_gate.ts";
import { Loop } from "./loop.ts";
import type { OutboxSinkParts } from "./outbox_sink.ts";
import { loadProcessor, type Processor } from "./processor.ts";
import { Router } from "./router.ts";
import { Settlement } from "./settlement.ts";
import { streamKind } from "./stream_kind.ts";
import {
  TransactionAbortedError,
  TransactionalSink,
} from "./transactional_sink.ts";

const post = (message: FromWorker) => self.postMessage(message);
const endThread = self.close.bind(self);
let loop: Loop | undefined;
let transactional: TransactionalSink | undefined;
/** The deadline of a `stop` that came while the processor was loading. */
let stopEarly: number | undefined;
let log = createLog({ level: "info", write });

function write(line: LogLine): void {
  post({ kind: "log", line });
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case "open":
      open(data);
      break;
    case "assign":
      loop?.assign(data.partitions);
      post({ kind: "assigned", partitions: data.partitions });
      break;
    case "release":
      loop?.release(data.partitions);
      break;
    case "committed":
      transactional?.committed();
      loop?.wake();
      break;
    case "stop":
      if (loop === undefined) stopEarly = data.deadlineMs;
      else loop.stop(data.deadlineMs);
      break;
    default:
      data satisfies never;
  }
};

// What the user's code throws outside its handlers must not end the thread
// while a native call is under way: it ends the loop, and that ends in order.
self.addEventListener("error", (event) => {
  event.preventDefault();
  crash(event.error ?? event.message);
});
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  crash(event.reason);
});

// Ending the thread would not be noticed by anybody but the watchdog, and Deno
// gives a worker's `Deno.exit` no more effect than that.
const refuseToEnd = () => {
  throw new Error("a processor cannot end its thread or the process");
};
Object.assign(self, { close: refuseToEnd });
Object.assign(Deno, { exit: refuseToEnd });

function crash(error: unknown): void {
  if (loop === undefined) fail("open", error);
  else loop.fail(error);
}

function fail(reason: WorkerFailure["reason"], error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  // Otherwise all threads would say the same, and the coordinator says it once.
  if (reason === "crash") log.error("worker failed", { error });
  post({ kind: "failed", failure: { reason, message } });
}

/** The cluster refuses what this worker must do; see `WorkerFailure`. */
class RefusedError extends Error {}

async function open(message: OpenMessage): Promise<void> {
  log = createLog({
    level: message.job.logLevel,
    write,
    fields: { worker: message.workerId },
  });
  let processor: Processor;
  try {
    processor = await loadProcessor(message.job.processor);
  } catch (error) {
    fail("open", error);
    return;
  }
  const settlement = new Settlement();
  const page = new WorkerPage(message.page);
  const library = openLibrary(message.libraryPath);
  const { job } = message;
  const delayTopics = new DelayTopics(job.delayTopics);
  const router = new Router(
    (ownership, error) =>
      post({
        kind: "fetchFailed",
        ownership,
        code: error.code,
        message: error.message,
      }),
    new DueGate(delayTopics.topics, (lane, dueMs) => loop?.defer(lane, dueMs)),
  );
  const sink = newSink(message, {
    openOutbox: (onReport) =>
      new Outbox(
        library,
        message.producer,
        onReport,
        // A fenced worker produces nothing.
        () => page.enter(Phase.native),
      ),
    errorOf: (code, doing) => errorFromCode(library.symbols, code, doing),
    page,
    settlement,
    place: { topic: job.deadLetterTopic, groupId: job.groupId, delayTopics },
    onRefused: (error) => loop?.fail(new RefusedError(error.message)),
  });
  const kind = streamKind(processor, {
    page,
    settlement,
    sink,
    job,
    delayTopics,
    log,
    onSample: job.samples
      ? (sample) => post({ kind: "sample", sample })
      : undefined,
    onCrash: crash,
  });
  loop = new Loop({
    page,
    inbox: new Inbox(library, message.inbox, router),
    router,
    settlement,
    sink,
    kind,
    rate: new RateGate(message.rateLimit),
    limits: job.limits,
    exactEveryMs: job.ordering === "partition" ? null : job.commitIntervalMs,
    post,
    onEvent: onProducerEvent,
    heapBytes,
  });
  post({ kind: "ready" });
  if (stopEarly !== undefined) loop.stop(stopEarly);
  try {
    await loop.run();
  } catch (error) {
    if (error instanceof FencedError) {
      // The coordinator has given up on this thread: it must touch nothing.
      endThread();
      return;
    }
    settlement.abandon();
    transactional = undefined;
    await sink.close();
    if (error instanceof TransactionAbortedError) {
      const { message, refused } = error;
      post({
        kind: "failed",
        failure: { reason: "aborted", message, refused },
      });
      return;
    }
    fail(error instanceof RefusedError ? "cluster" : "crash", error);
    return;
  }
  settlement.abandon();
  transactional = undefined;
  await sink.close();
  post({ kind: "stopped" });
}

function newSink(
  { job: { transaction }, refused }: OpenMessage,
  parts: OutboxSinkParts,
): AcknowledgedSink | TransactionalSink {
  if (transaction === null) return new AcknowledgedSink(parts);
  transactional = new TransactionalSink({
    ...parts,
    limits: transaction,
    refused,
    commit: (partitions) => post({ kind: "commit", partitions }),
    onAborted: (error) => loop?.fail(error),
  });
  return transactional;
}

function onProducerEvent(event: ClientEvent): void {
  switch (event.kind) {
    case "error":
      if (isClientRefused(event.error.code)) {
        loop?.fail(new RefusedError(event.error.message));
      } else if (event.error.fatal) {
        const { message } = event.error;
        loop?.fail(
          transactional === undefined
            ? event.error
            : new TransactionAbortedError(message),
        );
      } else {
        log.warn("producer", { error: event.error.message });
      }
      break;
    case "log":
      logClientLine(log, event.log);
      break;
    case "tokenRefresh":
      post({ kind: "tokenRefresh", config: event.config });
      break;
    default:
      // Statistics are not asked for; a producer has no rebalances.
      break;
  }
}

/** Heap and buffers of this thread. */
function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
