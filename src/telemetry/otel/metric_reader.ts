/**
 * Exports metrics now and then. The SDK makes readers of the variables too, but
 * those read only the SDK's own instruments, and ours are counted elsewhere.
 */
import { diag } from "@opentelemetry/api";
import { OTLPMetricExporter as GrpcExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtoExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { emptyResource } from "@opentelemetry/resources";
import {
  ConsoleMetricExporter,
  type MetricProducer,
  MetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import type { Metric } from "../metrics.ts";
import { VERSION } from "../version.ts";
import { hrTime, metricData } from "./metric_data.ts";
import { type Environment, listOf } from "./variables.ts";

/** As the SDK's. */
const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 30_000;

/** One for each exporter that the variables name. */
export function metricReaders(
  env: Environment,
  metrics: () => readonly Metric[],
): MetricReader[] {
  const names = listOf(env["OTEL_METRICS_EXPORTER"] ?? "");
  const intervalMs = msOf(env, "OTEL_METRIC_EXPORT_INTERVAL") ?? INTERVAL_MS;
  const timeoutMs = msOf(env, "OTEL_METRIC_EXPORT_TIMEOUT") ?? TIMEOUT_MS;
  return (names.length === 0 ? ["otlp"] : names)
    .map((name) => exporterOf(name, env))
    .filter((exporter) => exporter !== null)
    .map((exporter) =>
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: intervalMs,
        exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
        metricProducers: [producerOf(metrics)],
      })
    );
}

function producerOf(metrics: () => readonly Metric[]): MetricProducer {
  const startTime = hrTime(Date.now());
  return {
    collect: () =>
      Promise.resolve({
        resourceMetrics: {
          resource: emptyResource(), // the reader has it
          scopeMetrics: [{
            scope: { name: "switchyard", version: VERSION },
            metrics: metricData(metrics(), {
              startTime,
              endTime: hrTime(Date.now()),
            }),
          }],
        },
        errors: [],
      }),
  };
}

function exporterOf(name: string, env: Environment): PushMetricExporter | null {
  switch (name) {
    case "otlp":
      return otlpExporter(env);
    case "console":
      return new ConsoleMetricExporter();
    case "prometheus":
      return null; // /metrics is always there
    default:
      diag.warn(
        `unsupported OTEL_METRICS_EXPORTER "${name}": ` +
          "otlp, console, prometheus and none are known",
      );
      return null;
  }
}

function otlpExporter(env: Environment): PushMetricExporter {
  const protocol = env["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"]?.trim() ||
    env["OTEL_EXPORTER_OTLP_PROTOCOL"]?.trim() || "http/protobuf";
  switch (protocol) {
    case "grpc":
      return new GrpcExporter();
    case "http/json":
      return new JsonExporter();
    case "http/protobuf":
      return new ProtoExporter();
    default:
      diag.warn(
        `unsupported OTLP protocol "${protocol}": http/protobuf is used`,
      );
      return new ProtoExporter();
  }
}

/** Null: it is not set, or wrong, which is said. */
function msOf(env: Environment, name: string): number | null {
  const text = env[name]?.trim() ?? "";
  if (text === "") return null;
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  diag.warn(`${name} must be a number of milliseconds, not "${text}"`);
  return null;
}
