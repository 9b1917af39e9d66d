/// <reference lib="deno.worker" />
/** A worker thread that runs a user's processor. */
import type { OpenMessage, StreamJob } from "../src/pool/protocol.ts";
import { AcknowledgedSink } from "./acknowledged_sink.ts";
import { DelayTopics } from "./delay_topics.ts";
import { DueGate } from "./due_gate.ts";
import type { OutboxSinkParts } from "./outbox_sink.ts";
import { OutputCoordinates } from "./output_coordinates.ts";
import { loadProcessor, type Processor } from "./processor.ts";
import { Router } from "./router.ts";
import { streamKind } from "./stream_kind.ts";
import {
  serveThread,
  type ThreadParts,
  type ThreadWork,
} from "./thread_main.ts";
import { TransactionalSink } from "./transactional_sink.ts";
import { WorkerTracing } from "./worker_tracing.ts";

serveThread<StreamJob, Processor>({
  prepare: ({ processor }) => loadProcessor(processor),
  build,
});

function build(
  message: OpenMessage<StreamJob>,
  processor: Processor,
  parts: ThreadParts,
): ThreadWork {
  const { done, job } = message;
  const { page, settlement, log, post } = parts;
  const delayTopics = new DelayTopics(job.delayTopics);
  const tracing = job.tracing === null ? null : new WorkerTracing({
    ...job.tracing,
    groupId: job.groupId,
    isTransactional: job.transaction !== null,
    post,
  });
  const sink = newSink(message, tracing, {
    ...parts,
    place: { topic: job.deadLetterTopic, groupId: job.groupId, delayTopics },
    coordinates: OutputCoordinates.of(
      { ...job, done: done === null ? null : JSON.parse(done) },
      settlement,
    ),
    onRefused: parts.refuse,
  }, parts);
  return {
    router: new Router(
      parts.onFetchFailure,
      new DueGate(
        delayTopics.topics,
        (lane, dueMs) => parts.loop()?.defer(lane, dueMs),
      ),
    ),
    kind: streamKind(processor, {
      page,
      settlement,
      sink,
      job,
      delayTopics,
      log,
      onSample: job.samples
        ? (sample) => post({ kind: "sample", sample })
        : undefined,
      onCrash: parts.fail,
    }),
    sink,
    tracing,
    exactEveryMs: job.ordering === "partition" ? null : job.commitIntervalMs,
    ...(sink instanceof TransactionalSink
      ? { committed: () => sink.committed() }
      : {}),
  };
}

function newSink(
  { job: { transaction }, refused }: OpenMessage<StreamJob>,
  tracing: WorkerTracing | null,
  sinkParts: OutboxSinkParts,
  { fail, post }: ThreadParts,
): AcknowledgedSink | TransactionalSink {
  if (transaction === null) {
    return new AcknowledgedSink({ ...sinkParts, onProducerSpent: fail });
  }
  return new TransactionalSink({
    ...sinkParts,
    limits: transaction,
    refused,
    commit: (partitions) =>
      post({ kind: "commit", partitions, ...tracing?.takeTransaction() }),
    onAborted: fail,
  });
}
