/** What `PoolStatus` has, as metrics. */
import type {
  Following,
  PoolPhase,
  PoolStatus,
  WorkerState,
} from "../pool/status.ts";
import type { Labels, Metric, Sample } from "./metrics.ts";

const STATES: Readonly<Record<WorkerState, true>> = {
  starting: true,
  running: true,
  retiring: true,
  restarting: true,
  hung: true,
};

const PHASES: Readonly<Record<PoolPhase, true>> = {
  starting: true,
  running: true,
  draining: true,
  switching: true,
  stopped: true,
  failing: true,
};

/** @param group labels of the consumer group's lag: `group`, `topic` */
export function poolMetrics(status: PoolStatus, group: Labels): Metric[] {
  const { following, totals, workers, lag } = status;
  const byWorker = (
    value: (worker: PoolStatus["workers"][number]) => number,
  ): Sample[] => workers.map((each) => [{ worker: `${each.id}` }, value(each)]);
  return [
    {
      kind: "gauge",
      name: "switchyard.pool.phase",
      help: "1 for the phase that the pool is in, 0 for others.",
      samples: Object.keys(PHASES).map((phase) => [
        { phase },
        Number(phase === status.phase),
      ]),
    },
    {
      kind: "counter",
      name: "switchyard.records.consumed",
      unit: "{record}",
      help: "Input records that were settled.",
      samples: [[{}, totals.consumed]],
    },
    {
      kind: "counter",
      name: "switchyard.records.produced",
      unit: "{record}",
      help:
        "Output records that the cluster acknowledged, without dead letters.",
      samples: [[{}, totals.produced]],
    },
    {
      kind: "counter",
      name: "switchyard.records.dead_lettered",
      unit: "{record}",
      help: "Input records that went to the dead-letter topic.",
      samples: [[{}, totals.deadLettered]],
    },
    {
      kind: "counter",
      name: "switchyard.records.skipped",
      unit: "{record}",
      help: "Input records for which the processor returned nothing.",
      samples: [[{}, totals.skipped]],
    },
    {
      kind: "counter",
      name: "switchyard.records.retried",
      unit: "{record}",
      help: "Times that a record was sent to a delay topic.",
      samples: [[{}, totals.retried]],
    },
    {
      kind: "counter",
      name: "switchyard.records.already_done",
      unit: "{record}",
      help: "Output records that were there before the job began.",
      samples: [[{}, totals.alreadyDone]],
    },
    {
      kind: "gauge",
      name: "kafka.consumergroup.group_lag",
      unit: "{record}",
      help: "Records between the committed offsets and the high watermarks.",
      samples: lag === null ? [] : [[group, lag]],
    },
    {
      kind: "gauge",
      name: "switchyard.workers",
      unit: "{thread}",
      help: "Worker threads by state.",
      samples: Object.keys(STATES).map((state) => [
        { state },
        workers.filter((each) => each.state === state).length,
      ]),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.partitions",
      unit: "{partition}",
      help: "Partitions that a worker owns.",
      samples: byWorker((each) => each.partitions.length),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.pending_records",
      unit: "{record}",
      help: "Records that a worker fetched and did not settle yet.",
      samples: byWorker((each) => each.pendingRecords),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.heap",
      unit: "By",
      help: "JavaScript heap of a worker.",
      samples: byWorker((each) => each.heapBytes),
    },
    ...following === undefined ? [] : followed(following),
  ];
}

const followed = ({ active, epoch }: Following): Metric[] => [
  {
    kind: "gauge",
    name: "switchyard.active_cluster",
    help: "1 for the cluster in use, as this pool has heard.",
    samples: ["primary", "secondary"].map((cluster) => [
      { cluster },
      cluster === active ? 1 : 0,
    ]),
  },
  {
    kind: "gauge",
    name: "switchyard.state_epoch",
    help:
      "Epoch of the newest state that this pool has seen; 0: there is none.",
    samples: [[{}, epoch]],
  },
];
