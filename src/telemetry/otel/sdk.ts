/** OpenTelemetry's SDK with our figures, spans and log lines in it. */
import {
  context,
  diag,
  DiagLogLevel,
  logs,
  metrics as metricsApi,
  propagation,
  trace,
} from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import type { Log, LogLine } from "../log.ts";
import type { Metric } from "../metrics.ts";
import type { SpanSink } from "../spans.ts";
import { VERSION } from "../version.ts";
import { diagLogger } from "./diag_log.ts";
import { logExport } from "./log_records.ts";
import { metricReaders } from "./metric_reader.ts";
import { serviceResource } from "./resource.ts";
import { GivenIds, SAMPLED, spanReplay } from "./span_replay.ts";
import type { Environment, Signal } from "./variables.ts";

export interface SdkOptions {
  readonly env: Environment;
  /** What is exported; not empty. */
  readonly signals: ReadonlySet<Signal>;
  readonly instanceId: string;
  readonly metrics: () => readonly Metric[];
  /** For what goes wrong. */
  readonly log: Log;
}

export interface Sdk {
  readonly onSpans: SpanSink;
  readonly onLogLine: (line: LogLine) => void;
  /** Exports what is left; it may take as long as the collector lets it. */
  shutdown(): Promise<void>;
}

const ignore = () => {};

export function startSdk(options: SdkOptions): Sdk {
  const { env, log, metrics, signals } = options;
  // With it the SDK would write to stdout, where the summary is.
  Deno.env.delete("OTEL_LOG_LEVEL");
  diag.setLogger(diagLogger(log, () => performance.now()), {
    logLevel: levelOf(env["OTEL_LOG_LEVEL"]),
    suppressOverrideMessage: true,
  });
  const ids = new GivenIds();
  const sdk = new NodeSDK({
    resource: serviceResource(options.instanceId),
    // Those that are there by default would give the instance another name.
    autoDetectResources: (env["OTEL_NODE_RESOURCE_DETECTORS"] ?? "") !== "",
    sampler: SAMPLED,
    idGenerator: ids,
    metricReaders: signals.has("metrics") ? metricReaders(env, metrics) : [],
    ...(signals.has("traces") ? {} : { spanProcessors: [] }),
    ...(signals.has("logs") ? {} : { logRecordProcessors: [] }),
  });
  sdk.start();
  return {
    onSpans: signals.has("traces")
      ? spanReplay(trace.getTracer("switchyard", VERSION), ids)
      : ignore,
    onLogLine: signals.has("logs")
      ? logExport(logs.getLogger("switchyard", VERSION))
      : ignore,
    shutdown: async () => {
      try {
        await sdk.shutdown();
      } finally {
        for (const api of [context, logs, metricsApi, propagation, trace]) {
          api.disable();
        }
        diag.disable();
      }
    },
  };
}

/** What our log is given of the SDK's messages; `diagLogger` thins them out. */
function levelOf(text = ""): DiagLogLevel {
  switch (text.toUpperCase()) {
    case "NONE":
      return DiagLogLevel.NONE;
    case "ERROR":
      return DiagLogLevel.ERROR;
    case "WARN":
      return DiagLogLevel.WARN;
    case "DEBUG":
      return DiagLogLevel.DEBUG;
    case "VERBOSE":
    case "ALL":
      return DiagLogLevel.VERBOSE;
    default:
      return DiagLogLevel.INFO;
  }
}
