/** The coordinator's spans, and those of its threads on their way out. */
import type { TopicPartition } from "../kafka/mod.ts";
import { SpanRecorder } from "../telemetry/span_recorder.ts";
import type {
  Span,
  SpanAttributes,
  SpanContext,
  SpanSink,
  Tracing,
} from "../telemetry/spans.ts";
import type { Log } from "../telemetry/log.ts";
import type { PoolOptions } from "./options.ts";
import type { Tally } from "./tally.ts";

export interface PoolSpansOptions extends Tracing {
  readonly sink: SpanSink;
  readonly groupId: string;
  readonly tally: Pick<Tally, "droppedSpans">;
  readonly log: Log;
}

/** Null: the job is not traced, or nobody takes spans. */
export const poolSpans = (
  { job: { groupId, tracing }, log, onSpans }: Pick<
    PoolOptions,
    "job" | "log" | "onSpans"
  >,
  tally: Tally,
): PoolSpans | null =>
  tracing === null || onSpans === undefined
    ? null
    : new PoolSpans({ ...tracing, sink: onSpans, groupId, tally, log });

/** Batches of one commit. */
const MOST_SETTLED = 128;
const SHOWN_PARTITIONS = 20;
const TELL_EVERY_MS = 60_000;

export class PoolSpans {
  readonly #options: PoolSpansOptions;
  readonly #recorder: SpanRecorder;
  /** Sampled batches that the next commit is of, the newest last. */
  #settled: SpanContext[] = [];
  #untold = 0;
  #toldMs = -Infinity;

  constructor(options: PoolSpansOptions) {
    this.#options = options;
    this.#recorder = new SpanRecorder(options);
  }

  /** What a thread has posted. */
  passOn(spans: readonly Span[], dropped = 0): void {
    if (spans.length > 0) this.#options.sink(spans);
    if (dropped > 0) this.#tellDropped(dropped);
  }

  /** These batches await the next commit. */
  settled(traces: readonly SpanContext[] = []): void {
    this.#settled.push(...traces);
    if (this.#settled.length > MOST_SETTLED) {
      this.#settled = this.#settled.slice(-MOST_SETTLED);
    }
  }

  /** A commit of what has settled so far, in the name of all threads. */
  commit<T>(
    partitions: readonly TopicPartition[],
    work: () => Promise<T>,
  ): Promise<T> {
    const traces = this.#settled;
    this.#settled = [];
    return this.commitOf(traces, partitions, {}, work);
  }

  /**
   * A commit belongs to the trace of the newest batch that it is of, and is linked
   * to the others. Where none of them is sampled it has no span.
   */
  async commitOf<T>(
    traces: readonly SpanContext[],
    partitions: readonly TopicPartition[],
    attributes: SpanAttributes,
    work: () => Promise<T>,
  ): Promise<T> {
    const parent = traces.at(-1);
    if (parent === undefined) return await work();
    const topics = new Set(partitions.map(({ topic }) => topic));
    const [topic] = topics.size === 1 ? topics : [];
    return await this.#recorder.record({
      name: topic === undefined ? "commit" : `commit ${topic}`,
      kind: "client",
      parent,
      links: traces.slice(0, -1),
      attributes: {
        "messaging.system": "kafka",
        "messaging.operation.name": "commit",
        "messaging.operation.type": "settle",
        "messaging.consumer.group.name": this.#options.groupId,
        ...topic === undefined ? {} : { "messaging.destination.name": topic },
        "switchyard.partitions": partitions.length,
        ...attributes,
      },
    }, work);
  }

  /**
   * A rebalance, or partitions that move: rare, and each a trace, whatever the
   * ratio, unless that is 0.
   */
  change<T>(
    name: string,
    partitions: readonly TopicPartition[],
    work: () => Promise<T>,
  ): Promise<T> {
    const shown = partitions.slice(0, SHOWN_PARTITIONS)
      .map(({ topic, partition }) => `${topic}-${partition}`);
    return this.#recorder.record({
      name,
      attributes: {
        "messaging.system": "kafka",
        "messaging.consumer.group.name": this.#options.groupId,
        "switchyard.partitions": partitions.length,
        "switchyard.partitions.first": shown.join(","),
      },
    }, work);
  }

  /** Seldom, however many there are. */
  #tellDropped(dropped: number): void {
    this.#options.tally.droppedSpans += dropped;
    this.#untold += dropped;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < TELL_EVERY_MS) return;
    this.#options.log.warn("spans were dropped, more than may wait", {
      count: this.#untold,
    });
    this.#toldMs = nowMs;
    this.#untold = 0;
  }
}
