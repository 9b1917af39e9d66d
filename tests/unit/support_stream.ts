/** A processor with everything around it that a worker would have. */
import { PageView, WorkerPage } from "../../src/pool/page.ts";
import type {
  DelayTopic,
  Ordering,
  WorkerLimits,
} from "../../src/pool/protocol.ts";
import type { Sample } from "../../src/pool/status.ts";
import { LevelSwitch } from "../../src/telemetry/log.ts";
import { createLog, type Log } from "../../src/telemetry/log.ts";
import { DelayTopics } from "../../workers/delay_topics.ts";
import type { StreamParts } from "../../workers/handlers.ts";
import type { Processor } from "../../workers/processor.ts";
import type { RetryPolicy } from "../../workers/retry.ts";
import { Settlement, type Ticket } from "../../workers/settlement.ts";
import { streamKind } from "../../workers/stream_kind.ts";
import type { WorkerTracing } from "../../workers/worker_tracing.ts";
import {
  batchOf,
  type FakeRecord,
  FakeSink,
  LIMITS,
  TOPIC,
} from "./support_worker_fakes.ts";

export interface StreamOptions {
  readonly limits?: Partial<WorkerLimits>;
  readonly ordering?: Ordering;
  /** Absent: there is one attempt. */
  readonly retry?: Partial<RetryPolicy>;
  readonly onSample?: (sample: Sample) => void;
  readonly delayTopics?: readonly DelayTopic[];
  readonly tracing?: WorkerTracing;
  readonly log?: Log;
}

const ONE_ATTEMPT: RetryPolicy = {
  attempts: 1,
  backoffMs: 100,
  inPlaceMs: 1000,
  delaysMs: [],
};

const silentLog = createLog({ level: "error", write: () => {} });

export function stream<Value>(
  processor: Processor<Value>,
  options: StreamOptions = {},
) {
  const view = new PageView();
  const page = new WorkerPage(view.memory);
  const settlement = new Settlement();
  const sink = new FakeSink(settlement);
  const rest = streamInto(processor, { page, settlement, sink }, options);
  return { view, page, settlement, sink, ...rest };
}

/** The same with another sink. */
export function streamInto<Value>(
  processor: Processor<Value>,
  { page, settlement, sink }: Pick<
    StreamParts,
    "page" | "settlement" | "sink"
  >,
  {
    delayTopics = [],
    limits,
    log = silentLog,
    onSample,
    ordering = "partition",
    retry,
    tracing,
  }: StreamOptions = {},
) {
  const crashes: unknown[] = [];
  const kind = streamKind(processor as Processor, {
    page,
    settlement,
    sink,
    job: {
      processor: "",
      outputTopic: "out",
      deadLetterTopic: "dead",
      groupId: "group",
      ordering,
      retry: {
        ...ONE_ATTEMPT,
        delaysMs: delayTopics.map(({ delayMs }) => delayMs),
        ...retry,
      },
      delayTopics,
      commitIntervalMs: 200,
      limits: { ...LIMITS, ...limits },
      transaction: null,
      coordinates: null,
      samples: onSample !== undefined,
      tracing: null,
      logLevel: new LevelSwitch("info").memory,
    },
    delayTopics: new DelayTopics(delayTopics),
    log,
    onSample,
    onCrash: (error) => crashes.push(error),
  });
  const epochs = new Set<number>();
  /** Owns what it meets for the first time, from its first record on. */
  const handle = (records: readonly FakeRecord[]): Ticket => {
    for (const { lane, offset } of records) {
      if (epochs.has(lane)) continue;
      for (let number = epochs.size; number <= lane; number++) {
        const tp = { topic: TOPIC, partition: number };
        settlement.own({ tp, epoch: number, next: offset, beyond: [] });
        epochs.add(number);
      }
    }
    const ticket = settlement.open(batchOf(records));
    tracing?.open(ticket, tracing.now());
    kind.handle(ticket);
    return ticket;
  };
  return { kind, crashes, handle };
}

/** One record in each of `lanes`, all at the same offset. */
export const across = (lanes: number, offset = 0): FakeRecord[] =>
  Array.from({ length: lanes }, (_, lane) => ({ lane, offset }));

/** Records of one lane with these values. */
export const valued = (...values: (string | null)[]): FakeRecord[] =>
  values.map((value, offset) => ({ lane: 0, offset, value }));
