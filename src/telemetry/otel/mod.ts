/**
 * Figures, spans and log lines for others: `/metrics`, and what the standard
 * variables `OTEL_*` ask for by OTLP. Nothing of OpenTelemetry is loaded before
 * it is needed: its SDK takes as long as the rest of a start.
 */
import type { Log, LogLine } from "../log.ts";
import type { Metric } from "../metrics.ts";
import type { SpanSink, Tracing } from "../spans.ts";
import type { Sdk } from "./sdk.ts";
import { type Environment, exportedSignals, sampling } from "./variables.ts";

export interface TelemetryOptions {
  readonly env: Environment;
  /** `service.instance.id` */
  readonly instanceId: string;
  /** As they are now; asked until this is disposed. */
  readonly metrics: () => readonly Metric[];
  /** For what is wrong with variables or collector. */
  readonly log: Log;
}

export interface Telemetry extends AsyncDisposable {
  /** Null: nobody takes spans. */
  readonly tracing: Tracing | null;
  readonly onSpans: SpanSink;
  readonly onLogLine: (line: LogLine) => void;
  /** In Prometheus' text format. */
  metricsText(): Promise<string>;
}

/** What the end of the process grants to the last export. */
const FLUSH_MS = 3_000;

export async function openTelemetry(
  options: TelemetryOptions,
): Promise<Telemetry> {
  const { env, instanceId, log, metrics } = options;
  const signals = exportedSignals(env);
  const { problem, tracing } = sampling(env);
  if (problem !== null && signals.has("traces")) log.warn(problem);
  const startedMs = Date.now();
  const sdk = signals.size === 0 ? null : await startSdk(options, signals);
  let ended: Promise<void> | undefined;
  return {
    tracing: signals.has("traces") ? tracing : null,
    onSpans: sdk?.onSpans ?? (() => {}),
    onLogLine: sdk?.onLogLine ?? (() => {}),
    metricsText: async () => {
      const { metricsPage } = await import("./metrics_page.ts");
      return metricsPage(metrics(), instanceId, startedMs);
    },
    [Symbol.asyncDispose]: () => ended ??= end(sdk, log),
  };
}

async function startSdk(
  options: TelemetryOptions,
  signals: ReturnType<typeof exportedSignals>,
): Promise<Sdk> {
  const { startSdk } = await import("./sdk.ts");
  return startSdk({ ...options, signals });
}

async function end(sdk: Sdk | null, log: Log): Promise<void> {
  if (sdk === null) return;
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(true), FLUSH_MS);
  // What went wrong the SDK has told.
  const done = sdk.shutdown().then(() => false, () => false);
  const isLate = await Promise.race([done, late.promise]);
  clearTimeout(timer);
  if (isLate) log.warn("the last telemetry was not taken in time");
}
