/** The tracing of a worker: decides what has spans, and posts them. */
import { type Batch, headerName } from "../src/kafka/mod.ts";
import type { FromWorker } from "../src/pool/protocol.ts";
import { SpanBuffer } from "../src/telemetry/span_buffer.ts";
import { SpanIds } from "../src/telemetry/span_ids.ts";
import { spanNow } from "../src/telemetry/span_recorder.ts";
import type { Span, SpanContext, Tracing } from "../src/telemetry/spans.ts";
import { TraceRoots } from "../src/telemetry/trace_roots.ts";
import {
  parseTraceparent,
  TRACEPARENT,
  TRACESTATE,
} from "../src/telemetry/trace_context.ts";
import {
  BatchTrace,
  type RecordTraces,
  type TraceParts,
} from "./batch_trace.ts";
import { RecordTrace } from "./record_trace.ts";
import type { Ticket } from "./ticket.ts";
import { UncommittedSpans } from "./uncommitted_spans.ts";

const POST_MS = 250;
/** In one post; what is beyond is dropped. */
const MOST_SPANS = 1024;
/** The rest is for batches, which are few. */
const MOST_OF_RECORDS = 768;
/** Batches of one commit. */
const MOST_SETTLED = 128;

const TRACEPARENT_NAME = headerName(TRACEPARENT);
const TRACESTATE_NAME = headerName(TRACESTATE);

export interface WorkerTracingOptions extends Tracing {
  readonly groupId: string;
  readonly post: (message: FromWorker) => void;
  /** Whether what is settled is void without a commit; default false. */
  readonly isTransactional?: boolean;
  readonly ids?: SpanIds;
  /** Milliseconds since the epoch, with fractions. */
  readonly now?: () => number;
}

export class WorkerTracing {
  readonly now: () => number;
  readonly #roots: TraceRoots;
  readonly #isPropagated: boolean;
  readonly #post: (message: FromWorker) => void;
  readonly #buffer = new SpanBuffer(MOST_SPANS);
  /** Null: without transactions. */
  readonly #uncommitted: UncommittedSpans | null;
  readonly #parts: TraceParts;
  #settled: SpanContext[] = [];
  #postedMs = -Infinity;

  constructor(
    {
      groupId,
      ids = new SpanIds(),
      isTransactional = false,
      now = spanNow,
      post,
      ratio,
      restMs,
      isPropagated,
    }: WorkerTracingOptions,
  ) {
    const add = (span: Span) => this.#buffer.add(span);
    const uncommitted = isTransactional ? new UncommittedSpans() : null;
    this.#uncommitted = uncommitted;
    this.now = now;
    this.#roots = new TraceRoots({ ratio, restMs }, ids);
    this.#isPropagated = isPropagated;
    this.#post = post;
    this.#parts = {
      groupId,
      now,
      spanId: () => ids.spanId(),
      add,
      addOf: uncommitted === null
        ? (_, span) => add(span)
        : (batch, span) => uncommitted.add(batch, span),
      hasRoom: () => {
        const waiting = this.#buffer.size + (uncommitted?.size ?? 0);
        const hasRoom = waiting < MOST_OF_RECORDS;
        if (!hasRoom) this.#buffer.drop();
        return hasRoom;
      },
      onSettled: (batch, process) => {
        uncommitted?.settled(batch);
        if (process === null || this.#settled.length === MOST_SETTLED) return;
        this.#settled.push(process);
      },
    };
  }

  /**
   * A batch that was waited for since `pollMs` is about to be handled. Where
   * neither it nor a record of it is in a trace, it stays without.
   */
  open(ticket: Ticket, pollMs: number): void {
    const records = this.#isPropagated ? readTraces(ticket.batch) : null;
    const root = this.#roots.begin(pollMs);
    if (records === null && root === null) return;
    ticket.trace = new BatchTrace(ticket, root, records, pollMs, this.#parts);
  }

  /** Process spans of the batches that were settled since the last call. */
  takeSettled(): { readonly traces?: readonly SpanContext[] } {
    if (this.#settled.length === 0) return {};
    const traces = this.#settled;
    this.#settled = [];
    return { traces };
  }

  /** The same with the spans that count when their transaction is committed. */
  takeTransaction(): {
    readonly traces?: readonly SpanContext[];
    readonly spans?: readonly Span[];
  } {
    const spans = this.#uncommitted?.take() ?? [];
    return { ...this.takeSettled(), ...spans.length > 0 && { spans } };
  }

  /** This worker ends, and with it what it has not asked to commit. */
  abandon(): void {
    for (const span of this.#uncommitted?.abandon() ?? []) {
      this.#buffer.add(span);
    }
  }

  /** @param last there is no later call */
  publish(last: boolean): void {
    const nowMs = this.now();
    if (!last && nowMs - this.#postedMs < POST_MS) return;
    const taken = this.#buffer.take();
    if (taken === null) return;
    this.#postedMs = nowMs;
    this.#post({ kind: "spans", ...taken });
  }
}

/** Null: no record has a context. */
function readTraces(batch: Batch): RecordTraces | null {
  let traces: Map<number, RecordTrace> | null = null;
  for (let index = 0; index < batch.count; index++) {
    if (!batch.mayHaveHeaders(index)) continue;
    const traceparent = batch.headerText(index, TRACEPARENT_NAME);
    if (traceparent === null) continue;
    const context = parseTraceparent(traceparent);
    if (context === null) continue;
    const tracestate = batch.headerText(index, TRACESTATE_NAME);
    traces ??= new Map();
    traces.set(index, new RecordTrace({ traceparent, context, tracestate }));
  }
  return traces;
}
