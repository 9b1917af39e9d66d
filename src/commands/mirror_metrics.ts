/** What `MirrorStatus` has, as metrics. */
import type { MirrorStatus } from "../../dr/mirror/mod.ts";
import type { Metric } from "../telemetry/metrics.ts";

export function mirrorMetrics(status: MirrorStatus): Metric[] {
  const { damage, lag, lanes, leads, source, target, topics, totals } = status;
  const flow = { source, target };
  const partitions = lanes.flatMap((each) => each.partitions);
  return [
    {
      kind: "counter",
      name: "switchyard.mirror.records",
      unit: "{record}",
      help: "Records that were copied and committed.",
      samples: [[flow, totals.mirrored]],
    },
    {
      kind: "counter",
      name: "switchyard.mirror.bytes",
      unit: "By",
      help: "Their keys and values, in bytes.",
      samples: [[flow, totals.bytes]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.lag_records",
      unit: "{record}",
      help:
        "Offsets of the source that are not on the target yet, of this process.",
      samples: [[flow, lag.records]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.lag",
      unit: "s",
      help: "Time since the target had all that the source had; only of the " +
        "mirror that looks after that for all.",
      samples: lag.ageMs === null ? [] : [[flow, lag.ageMs / 1000]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.checkpoint_age",
      unit: "s",
      help:
        "Time since positions of groups were released on the target; only " +
        "of the mirror that does that for all.",
      samples: leads === null ? [] : [[flow, leads.checkpointAgeMs / 1000]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.heartbeat_age",
      unit: "s",
      help: "Time since a heartbeat was written on the target; only of the " +
        "mirror that does that for all.",
      samples: leads === null ? [] : [[flow, leads.heartbeatAgeMs / 1000]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.topics",
      unit: "{topic}",
      help: "Topics that are mirrored.",
      samples: [[flow, topics]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.lanes",
      unit: "{lane}",
      help: "Lanes that this process has, by state.",
      samples: [...Map.groupBy(lanes, ({ state }) => state)].map((
        [state, those],
      ) => [{ ...flow, state }, those.length]),
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.idle",
      help: "1 while nothing is mirrored because of the state, else 0.",
      samples: [[flow, status.idle === null ? 0 : 1]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.era",
      help: "Era of what is mirrored.",
      samples: status.era === null ? [] : [[flow, status.era]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.stopped_partitions",
      unit: "{partition}",
      help: "Partitions that are not mirrored any more because of damage.",
      samples: [[
        flow,
        partitions.filter(({ isMirrored }) => !isMirrored).length,
      ]],
    },
    {
      kind: "gauge",
      name: "switchyard.mirror.damages",
      unit: "{damage}",
      help: "Damages of source partitions found since the start.",
      samples: [[flow, damage.length]],
    },
  ];
}
