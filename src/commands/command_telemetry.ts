/** Spans of commands: who takes them is said by `OTEL_*`. */
import type { Log } from "../telemetry/log.ts";
import { openTelemetry, type Telemetry } from "../telemetry/otel/mod.ts";
import { SpanRecorder } from "../telemetry/span_recorder.ts";

/** Null: nobody takes spans. */
export const spansOf = (
  { onSpans, tracing }: Pick<Telemetry, "onSpans" | "tracing">,
): SpanRecorder | null =>
  tracing === null ? null : new SpanRecorder({ ...tracing, sink: onSpans });

export interface CommandTelemetry extends AsyncDisposable {
  /** Null: nobody takes spans. */
  readonly spans: SpanRecorder | null;
}

/** Of a command that comes to an end by itself, and has no figures. */
export async function openSpans(
  instanceId: string,
  log: Log,
): Promise<CommandTelemetry> {
  const telemetry = await openTelemetry({
    env: Deno.env.toObject(),
    instanceId,
    metrics: () => [],
    log,
  });
  return {
    spans: spansOf(telemetry),
    [Symbol.asyncDispose]: () => telemetry[Symbol.asyncDispose](),
  };
}
