/** `/metrics` by OpenTelemetry's exporter. It has no exemplars. */
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Metric } from "../metrics.ts";
import { hrTime, metricData } from "./metric_data.ts";
import { serviceResource } from "./resource.ts";

/**
 * Names have what Prometheus wants at their ends: the unit here, since the
 * exporter leaves it out, and `_total` there.
 */
export function metricsPage(
  metrics: readonly Metric[],
  instanceId: string,
  startedMs: number,
): string {
  const period = {
    startTime: hrTime(startedMs),
    endTime: hrTime(Date.now()),
  };
  const named = metrics.map(withUnitInName);
  // Labels of the scope would be the same on every line.
  return new PrometheusSerializer(undefined, false, undefined, false, true)
    .serialize({
      resource: serviceResource(instanceId),
      scopeMetrics: [{
        scope: { name: "switchyard" },
        metrics: metricData(named, period),
      }],
    });
}

const WORDS: Readonly<Record<string, string>> = { s: "seconds", By: "bytes" };

function withUnitInName(metric: Metric): Metric {
  const { name, unit, ...rest } = metric;
  const word = unit === undefined ? undefined : WORDS[unit];
  const isNamed = word === undefined || name.split(/[._]/).at(-1) === word;
  return { ...rest, name: isNamed ? name : `${name}.${word}` };
}
