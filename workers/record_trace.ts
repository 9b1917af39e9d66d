/** The trace of one record, as its headers tell it, and what goes on with it. */
import type { Header, OutputRecord } from "../src/kafka/mod.ts";
import {
  formatTraceparent,
  type TraceContext,
  TRACEPARENT,
  TRACESTATE,
} from "../src/telemetry/trace_context.ts";
import type { Trace } from "./processor.ts";

/** What the record came with. */
export interface ReceivedTrace {
  /** The header's text. */
  readonly traceparent: string;
  readonly context: TraceContext;
  readonly tracestate: string | null;
}

export class RecordTrace implements Trace {
  readonly received: ReceivedTrace;
  /** Of the attempt that is under way, or was the last; null: none is made. */
  spanId: string | null = null;
  /** When that began, in ms since the epoch; null: it is over. */
  startMs: number | null = null;

  constructor(received: ReceivedTrace) {
    this.received = received;
  }

  get traceId(): string {
    return this.received.context.traceId;
  }

  get traceparent(): string {
    const { context, traceparent } = this.received;
    return this.spanId === null
      ? traceparent
      : formatTraceparent({ ...context, spanId: this.spanId });
  }

  /**
   * The record as part of the trace: an output, or the input itself on its way to
   * another topic. What a processor has said of a trace stays; the header of the
   * input, passed on as it came, is not its own.
   */
  stamp(record: OutputRecord): OutputRecord {
    const { headers = [] } = record;
    const { traceparent, tracestate } = this.received;
    const said = headers.findLast(({ key }) => key === TRACEPARENT);
    const ours = { key: TRACEPARENT, value: this.traceparent };
    if (said !== undefined) {
      return textOf(said) === traceparent && ours.value !== traceparent
        ? {
          ...record,
          headers: headers.map((each) => each === said ? ours : each),
        }
        : record;
    }
    const added: Header[] = [ours];
    if (tracestate !== null && !headers.some(isState)) {
      added.push({ key: TRACESTATE, value: tracestate });
    }
    return { ...record, headers: [...headers, ...added] };
  }
}

const isState = ({ key }: Header) => key === TRACESTATE;

const decoder = new TextDecoder();

const textOf = ({ value }: Header): string | null =>
  value instanceof Uint8Array ? decoder.decode(value) : value;
