/** `Metric`s as OpenTelemetry's SDK has them, cumulative since the start. */
import { type HrTime, ValueType } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
} from "@opentelemetry/sdk-metrics";
import type { Labels, Metric } from "../metrics.ts";

/** When the counting began, and now. */
export interface Period {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/** Those without samples are left out. */
export const metricData = (
  metrics: readonly Metric[],
  period: Period,
): MetricData[] =>
  metrics.filter(({ samples }) => samples.length > 0)
    .map((metric) => dataOf(metric, period));

function dataOf(metric: Metric, period: Period): MetricData {
  const { help, name, unit = "" } = metric;
  const family = {
    descriptor: {
      name,
      unit,
      description: help,
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const point = <T>(attributes: Labels, value: T): DataPoint<T> => ({
    ...period,
    attributes,
    value,
  });
  switch (metric.kind) {
    case "counter":
      return {
        ...family,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: metric.samples.map((each) => point(...each)),
      };
    case "gauge":
      return {
        ...family,
        dataPointType: DataPointType.GAUGE,
        dataPoints: metric.samples.map((each) => point(...each)),
      };
    case "histogram":
      return {
        ...family,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: metric.samples.map(([labels, { bounds, counts, sum }]) =>
          point(labels, {
            buckets: { boundaries: [...bounds], counts: [...counts] },
            count: counts.reduce((total, each) => total + each, 0),
            sum,
          })
        ),
      };
  }
}

/** Milliseconds since the epoch as the SDK writes times. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
