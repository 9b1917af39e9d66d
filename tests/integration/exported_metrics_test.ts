import assert from "node:assert/strict";
import { exportedMetrics } from "../support/exported_metrics.ts";

const PARTITION = "group partition topic";
const FLOW = "source target";
const SENT =
  "messaging_destination_name messaging_operation_name messaging_system";
const CONSUMED = "messaging_consumer_group_name " + SENT;

/** With their labels, in order. */
const CATALOGUE: Readonly<Record<string, string>> = {
  messaging_client_consumed_messages_total: CONSUMED,
  messaging_client_sent_messages_total: SENT,
  messaging_client_operation_duration_seconds_bucket: "le " + CONSUMED,
  messaging_client_operation_duration_seconds_count: CONSUMED,
  messaging_client_operation_duration_seconds_sum: CONSUMED,
  messaging_process_duration_seconds_bucket: "le " + CONSUMED,
  messaging_process_duration_seconds_count: CONSUMED,
  messaging_process_duration_seconds_sum: CONSUMED,
  switchyard_records_consumed_total: "",
  switchyard_records_produced_total: "",
  switchyard_records_dead_lettered_total: "",
  switchyard_records_skipped_total: "",
  switchyard_records_retried_total: "",
  switchyard_records_already_done_total: "",
  kafka_consumergroup_group_lag: PARTITION,
  kafka_consumergroup_group_lag_seconds: PARTITION,
  kafka_consumergroup_group_offset: PARTITION,
  kafka_partition_latest_offset: "partition topic",
  switchyard_workers: "state",
  switchyard_worker_partitions: "worker",
  switchyard_worker_pending_records: "worker",
  switchyard_worker_heap_bytes: "worker",
  switchyard_worker_utilization: "bound worker",
  switchyard_worker_restarts_total: "",
  switchyard_worker_stalled_seconds: "worker",
  switchyard_rebalances_total: "",
  switchyard_partition_moves_total: "",
  switchyard_transactions_total: "outcome",
  switchyard_spans_dropped_total: "",
  switchyard_pool_phase: "phase",
  switchyard_active_cluster: "cluster",
  switchyard_state_epoch: "",
  switchyard_mirror_records_total: FLOW,
  switchyard_mirror_bytes_total: FLOW,
  switchyard_mirror_lag_records: FLOW,
  switchyard_mirror_lag_seconds: FLOW,
  switchyard_mirror_topics: FLOW,
  switchyard_mirror_lanes: "source state target",
  switchyard_mirror_idle: FLOW,
  switchyard_mirror_era: FLOW,
  switchyard_mirror_stopped_partitions: FLOW,
  switchyard_mirror_damages: FLOW,
  switchyard_mirror_checkpoint_age_seconds: FLOW,
  switchyard_mirror_heartbeat_age_seconds: FLOW,
  switchyard_sentinel_phase: "phase",
  switchyard_sentinel_state_phase: "phase",
  switchyard_sentinel_cluster_health: "cluster health",
  switchyard_sentinel_active: "cluster",
  switchyard_sentinel_epoch: "",
  switchyard_sentinel_voting: "",
  switchyard_sentinel_votes: "",
  switchyard_sentinel_advises: "",
  switchyard_sentinel_lag_seconds: "",
  switchyard_gateway_connections: "listen",
  switchyard_gateway_accepted_total: "listen",
  switchyard_gateway_refused_total: "listen reason",
  switchyard_certificate_expiry_seconds: "cluster file",
  switchyard_build_info: "deno librdkafka version",
  process_start_time_seconds: "",
  process_resident_memory_bytes: "",
};

Deno.test("start, mirror and sentinel export what operators are told of, with these labels", async () => {
  const exported = await exportedMetrics();
  const found = [...exported].filter(([name]) => name !== "target_info")
    .map(([name, labels]) => [name, [...labels].sort().join(" ")]);
  const byName = ([one]: string[], [other]: string[]) => one! < other! ? -1 : 1;
  assert.deepEqual(
    found.sort(byName),
    Object.entries(CATALOGUE).map(([name, labels]) => [
      name,
      labels.split(" ").sort().join(" "),
    ]).sort(byName),
  );
});
