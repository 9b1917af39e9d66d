/**
 * What `PoolStatus` has, in Prometheus' text format 0.0.4. Lag has the name
 * that dashboards of Kafka exporters expect.
 */
import type { Following, PoolStatus, WorkerState } from "../pool/status.ts";
import { type Labels, metric, type Sample } from "./prometheus_text.ts";

export type { Labels };

const STATES: Readonly<Record<WorkerState, true>> = {
  starting: true,
  running: true,
  retiring: true,
  restarting: true,
  hung: true,
};

/** @param group labels of the consumer group's lag: `group`, `topic` */
export function renderMetrics(status: PoolStatus, group: Labels): string {
  const { following, totals, workers, lag } = status;
  const byWorker = (
    value: (worker: PoolStatus["workers"][number]) => number,
  ): Sample[] => workers.map((each) => [{ worker: `${each.id}` }, value(each)]);
  return [
    metric(
      "switchyard_records_consumed_total",
      "counter",
      "Input records that were settled.",
      [[{}, totals.consumed]],
    ),
    metric(
      "switchyard_records_produced_total",
      "counter",
      "Output records that the cluster acknowledged, without dead letters.",
      [[{}, totals.produced]],
    ),
    metric(
      "switchyard_records_dead_lettered_total",
      "counter",
      "Input records that went to the dead-letter topic.",
      [[{}, totals.deadLettered]],
    ),
    metric(
      "switchyard_records_skipped_total",
      "counter",
      "Input records for which the processor returned nothing.",
      [[{}, totals.skipped]],
    ),
    metric(
      "switchyard_records_retried_total",
      "counter",
      "Times that a record was sent to a delay topic.",
      [[{}, totals.retried]],
    ),
    metric(
      "switchyard_records_already_done_total",
      "counter",
      "Output records that were there before the job began.",
      [[{}, totals.alreadyDone]],
    ),
    metric(
      "kafka_consumergroup_group_lag",
      "gauge",
      "Records between the committed offsets and the high watermarks.",
      lag === null ? [] : [[group, lag]],
    ),
    metric(
      "switchyard_workers",
      "gauge",
      "Worker threads by state.",
      Object.keys(STATES).map((state) => [
        { state },
        workers.filter((each) => each.state === state).length,
      ]),
    ),
    metric(
      "switchyard_worker_partitions",
      "gauge",
      "Partitions that a worker owns.",
      byWorker((each) => each.partitions.length),
    ),
    metric(
      "switchyard_worker_pending_records",
      "gauge",
      "Records that a worker fetched and did not settle yet.",
      byWorker((each) => each.pendingRecords),
    ),
    metric(
      "switchyard_worker_heap_bytes",
      "gauge",
      "JavaScript heap of a worker.",
      byWorker((each) => each.heapBytes),
    ),
    ...following === undefined ? [] : followed(following),
  ].join("");
}

const followed = ({ active, epoch }: Following): string[] => [
  metric(
    "switchyard_active_cluster",
    "gauge",
    "1 for the cluster in use, as this pool has heard.",
    ["primary", "secondary"].map((cluster) => [
      { cluster },
      cluster === active ? 1 : 0,
    ]),
  ),
  metric(
    "switchyard_state_epoch",
    "gauge",
    "Epoch of the newest state that this pool has seen; 0: there is none.",
    [[{}, epoch]],
  ),
];
