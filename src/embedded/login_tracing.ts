/** The traces that begin with generated logins. */
import type { Header } from "../kafka/mod.ts";
import { SpanIds } from "../telemetry/span_ids.ts";
import { spanNow } from "../telemetry/span_recorder.ts";
import type {
  Span,
  SpanContext,
  SpanSink,
  Tracing,
} from "../telemetry/spans.ts";
import { TraceRoots } from "../telemetry/trace_roots.ts";
import { TRACEPARENT, traceparentOf } from "../telemetry/trace_context.ts";

export interface LoginTracingOptions extends Tracing {
  readonly topic: string;
  readonly onSpans: SpanSink;
  readonly ids?: SpanIds;
  /** Milliseconds since the epoch, with fractions. */
  readonly now?: () => number;
}

interface Sending {
  readonly context: SpanContext;
  readonly startMs: number;
}

/** A login on its way. */
export interface Traced {
  /** To be told with its report; 0: it is in no trace. */
  readonly number: number;
  readonly header: Header | null;
}

const UNTRACED: Traced = { number: 0, header: null };

export class LoginTracing {
  readonly #options: Required<LoginTracingOptions>;
  readonly #roots: TraceRoots;
  readonly #sending = new Map<number, Sending>();
  #ended: Span[] = [];
  #numbers = 0;

  constructor(options: LoginTracingOptions) {
    this.#options = { ids: new SpanIds(), now: spanNow, ...options };
    this.#roots = new TraceRoots(options, this.#options.ids);
  }

  begin(): Traced {
    const { isPropagated, now } = this.#options;
    const startMs = now();
    const context = this.#roots.begin(startMs);
    if (context === null) return UNTRACED;
    const number = this.#numbers = this.#numbers % 0xffffffff + 1;
    this.#sending.set(number, { context, startMs });
    return {
      number,
      header: isPropagated
        ? { key: TRACEPARENT, value: traceparentOf(context) }
        : null,
    };
  }

  /** @param code of the report; 0: it is in the topic */
  end(number: number, code: number): void {
    const sending = this.#sending.get(number);
    if (sending === undefined) return;
    this.#sending.delete(number);
    const { now, topic } = this.#options;
    const error = code === 0 ? null : String(code);
    this.#ended.push({
      ...sending.context,
      parentSpanId: null,
      name: `send ${topic}`,
      kind: "producer",
      startMs: sending.startMs,
      endMs: now(),
      attributes: {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        ...error === null ? {} : { "error.type": error },
      },
      links: [],
      error,
    });
  }

  /** Passes on what has ended. */
  flush(): void {
    if (this.#ended.length === 0) return;
    this.#options.onSpans(this.#ended);
    this.#ended = [];
  }
}
