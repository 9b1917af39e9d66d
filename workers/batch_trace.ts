/**
 * The spans of one batch and of its records. A batch has a trace of its own:
 *
 *     poll {input} ── process {input} ──> records' contexts (links)
 *                       ├── send {output}
 *                       └── commit {input}        (the coordinator's)
 *
 * A record that came with a sampled context goes on in that trace instead, with
 * a span for each attempt.
 */
import type { OutputRecord } from "../src/kafka/mod.ts";
import {
  ABANDONED,
  type Span,
  type SpanContext,
} from "../src/telemetry/spans.ts";
import { traceparentOf } from "../src/telemetry/trace_context.ts";
import type { Trace } from "./processor.ts";
import type { RecordTrace } from "./record_trace.ts";
import type { Ticket } from "./ticket.ts";

/** What the spans of a worker have in common. */
export interface TraceParts {
  readonly groupId: string;
  /** Milliseconds since the epoch, with fractions. */
  readonly now: () => number;
  readonly spanId: () => string;
  readonly add: (span: Span) => void;
  /** A span that fails after all where the batch comes to nothing. */
  readonly addOf: (batch: BatchTrace, span: Span) => void;
  /** Whether there is room for the span of a record; if not, that is counted. */
  readonly hasRoom: () => boolean;
  /** All of it is settled. @param process null: it is not sampled */
  readonly onSettled: (batch: BatchTrace, process: SpanContext | null) => void;
}

/** By index: of the records that came with one. */
export type RecordTraces = ReadonlyMap<number, RecordTrace>;

const MOST_LINKS = 128;

export class BatchTrace {
  readonly #parts: TraceParts;
  readonly #ticket: Ticket;
  readonly #records: RecordTraces | null;
  /** Null: the batch is not sampled, and only records have spans. */
  readonly #process: SpanContext | null;
  /** The root. */
  readonly #pollSpanId: string;
  readonly #processMs: number;
  /** Handlers that have not ended. */
  #unhandled: number;
  #sendMs: number | null = null;
  #sent = 0;
  /** Null: several. */
  #output: string | null = null;

  /** @param root null: the batch is not sampled */
  constructor(
    ticket: Ticket,
    root: SpanContext | null,
    records: RecordTraces | null,
    pollMs: number,
    parts: TraceParts,
  ) {
    this.#parts = parts;
    this.#ticket = ticket;
    this.#records = records;
    this.#unhandled = ticket.batch.count;
    this.#processMs = parts.now();
    this.#pollSpanId = root?.spanId ?? "";
    this.#process = root === null
      ? null
      : { traceId: root.traceId, spanId: parts.spanId() };
    if (root !== null) {
      parts.add(this.#span("poll", "receive", "client", {
        ...root,
        parentSpanId: null,
        startMs: pollMs,
        endMs: this.#processMs,
      }));
    }
  }

  /** Of the batch; null: it is not sampled. */
  get trace(): Trace | null {
    if (this.#process === null) return null;
    return { ...this.#process, traceparent: traceparentOf(this.#process) };
  }

  /** An attempt at a record begins; null: the record is in no trace. */
  begin(index: number): RecordTrace | null {
    const record = this.#records?.get(index);
    if (record === undefined) return null;
    const isMade = record.received.context.isSampled && this.#parts.hasRoom();
    record.spanId = isMade ? this.#parts.spanId() : null;
    record.startMs = isMade ? this.#parts.now() : null;
    return record;
  }

  /** An attempt has failed. @param error nothing of it but its kind is told. */
  failed(index: number, error: unknown): void {
    this.#endRecord(index, typeOf(error));
  }

  /** The handler of a record has ended for good. */
  handled(index: number): void {
    this.#endRecord(index, null);
    if (--this.#unhandled === 0) this.#endProcess(null);
  }

  /** What goes out of an input, with the trace that it is part of. */
  sending(index: number, record: OutputRecord): OutputRecord {
    if (this.#process !== null) {
      this.#sendMs ??= this.#parts.now();
      if (this.#sent++ === 0) this.#output = record.topic;
      else if (this.#output !== record.topic) this.#output = null;
    }
    return this.#records?.get(index)?.stamp(record) ?? record;
  }

  /** Everything that was sent of it is acknowledged. */
  settled(): void {
    this.#endSend(null);
    this.#parts.onSettled(this, this.#process);
  }

  /** This worker does not go on with it. */
  abandoned(): void {
    for (const index of this.#records?.keys() ?? []) {
      this.#endRecord(index, ABANDONED);
    }
    if (this.#unhandled > 0) this.#endProcess(ABANDONED);
    this.#endSend(ABANDONED);
  }

  #endProcess(error: string | null): void {
    if (this.#process === null) return;
    this.#unhandled = 0;
    this.#add(this.#span("process", "process", "consumer", {
      ...this.#process,
      parentSpanId: this.#pollSpanId,
      startMs: this.#processMs,
      links: this.#links(),
      error,
    }));
  }

  #endSend(error: string | null): void {
    if (this.#sendMs === null) return;
    this.#add({
      traceId: this.#process!.traceId,
      spanId: this.#parts.spanId(),
      parentSpanId: this.#process!.spanId,
      name: named("send", this.#output),
      kind: "producer",
      startMs: this.#sendMs,
      endMs: this.#parts.now(),
      attributes: {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        ...this.#output === null
          ? {}
          : { "messaging.destination.name": this.#output },
        "messaging.batch.message_count": this.#sent,
        ...errorAttributes(error),
      },
      links: [],
      error,
    });
    this.#sendMs = null;
  }

  #endRecord(index: number, error: string | null): void {
    const record = this.#records?.get(index);
    if (record === undefined || record.startMs === null) return;
    const { batch } = this.#ticket;
    const { topic, partition } = batch.tp(index);
    const { context } = record.received;
    this.#add({
      traceId: context.traceId,
      spanId: record.spanId!,
      parentSpanId: context.spanId,
      name: named("process", topic),
      kind: "consumer",
      startMs: record.startMs,
      endMs: this.#parts.now(),
      attributes: {
        ...this.#inputAttributes("process", "process", topic, partition),
        "messaging.kafka.offset": batch.offset(index),
        ...errorAttributes(error),
      },
      links: [],
      error,
    });
    record.startMs = null;
  }

  #add(span: Span): void {
    this.#parts.addOf(this, span);
  }

  #span(
    operation: string,
    type: string,
    kind: Span["kind"],
    span:
      & Pick<Span, "parentSpanId" | "spanId" | "startMs" | "traceId">
      & Partial<Span>,
  ): Span {
    const { batch } = this.#ticket;
    const { partition, topic } = commonOf(this.#ticket);
    return {
      name: named(operation, topic),
      kind,
      endMs: this.#parts.now(),
      attributes: {
        ...this.#inputAttributes(operation, type, topic, partition),
        "messaging.batch.message_count": batch.count,
        ...errorAttributes(span.error ?? null),
      },
      links: [],
      error: null,
      ...span,
    };
  }

  #inputAttributes(
    operation: string,
    type: string,
    topic: string | null,
    partition: number | null,
  ): Span["attributes"] {
    return {
      "messaging.system": "kafka",
      "messaging.operation.name": operation,
      "messaging.operation.type": type,
      "messaging.consumer.group.name": this.#parts.groupId,
      ...topic === null ? {} : { "messaging.destination.name": topic },
      ...partition === null
        ? {}
        : { "messaging.destination.partition.id": String(partition) },
    };
  }

  /** The first ones; how many records there were is in the attributes. */
  #links(): readonly SpanContext[] {
    const links: SpanContext[] = [];
    for (const { received: { context } } of this.#records?.values() ?? []) {
      if (links.length === MOST_LINKS) break;
      const { isSampled, spanId, traceId } = context;
      if (isSampled) links.push({ traceId, spanId });
    }
    return links;
  }
}

const named = (operation: string, topic: string | null): string =>
  topic === null ? operation : `${operation} ${topic}`;

const errorAttributes = (error: string | null) =>
  error === null ? {} : { "error.type": error };

/** Topic and partition of all of its records; null: they differ. */
function commonOf({ batch }: Ticket): {
  readonly topic: string | null;
  readonly partition: number | null;
} {
  const first = batch.tp(0);
  let topic: string | null = first.topic;
  let partition: number | null = first.partition;
  const { lanes } = batch;
  for (let index = 1; index < batch.count; index++) {
    if (lanes[index] === lanes[index - 1]) continue;
    const tp = batch.tp(index);
    partition = null;
    if (tp.topic !== topic) topic = null;
  }
  return { topic, partition };
}

/** Messages of errors may quote the record. */
const typeOf = (error: unknown): string =>
  error instanceof Error ? error.name : typeof error;
