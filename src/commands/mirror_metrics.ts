/** What `MirrorStatus` has, in Prometheus' text format. */
import type { MirrorStatus } from "../../dr/mirror/mod.ts";
import { metric } from "../telemetry/prometheus_text.ts";

export function mirrorMetrics(status: MirrorStatus): string {
  const { damage, lag, lanes, source, target, topics, totals } = status;
  const flow = { source, target };
  const partitions = lanes.flatMap((each) => each.partitions);
  return [
    metric(
      "switchyard_mirror_records_total",
      "counter",
      "Records that were copied and committed.",
      [[flow, totals.mirrored]],
    ),
    metric(
      "switchyard_mirror_bytes_total",
      "counter",
      "Their keys and values, in bytes.",
      [[flow, totals.bytes]],
    ),
    metric(
      "switchyard_mirror_lag_records",
      "gauge",
      "Offsets of the source that are not on the target yet, of this process.",
      [[flow, lag.records]],
    ),
    metric(
      "switchyard_mirror_lag_seconds",
      "gauge",
      "Age of the newest record on the target while there is a lag, else 0.",
      [[flow, lag.ageMs / 1000]],
    ),
    metric(
      "switchyard_mirror_topics",
      "gauge",
      "Topics that are mirrored.",
      [[flow, topics]],
    ),
    metric(
      "switchyard_mirror_lanes",
      "gauge",
      "Lanes that this process has, by state.",
      [...Map.groupBy(lanes, ({ state }) => state)].map((
        [state, those],
      ) => [{ ...flow, state }, those.length]),
    ),
    metric(
      "switchyard_mirror_idle",
      "gauge",
      "1 while nothing is mirrored because of the state, else 0.",
      [[flow, status.idle === null ? 0 : 1]],
    ),
    metric(
      "switchyard_mirror_era",
      "gauge",
      "Era of what is mirrored.",
      status.era === null ? [] : [[flow, status.era]],
    ),
    metric(
      "switchyard_mirror_stopped_partitions",
      "gauge",
      "Partitions that are not mirrored any more because of damage.",
      [[flow, partitions.filter(({ isMirrored }) => !isMirrored).length]],
    ),
    metric(
      "switchyard_mirror_damages",
      "gauge",
      "Damages of source partitions found since the start.",
      [[flow, damage.length]],
    ),
  ].join("");
}
