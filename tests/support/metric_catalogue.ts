/**
 * The metrics that rules and dashboards may name, with their labels. What a
 * scrape adds is not listed: `job` and `instance`.
 */

export type Catalogue = Readonly<Record<string, readonly string[]>>;

const PARTITION = ["group", "topic", "partition"];
const FLOW = ["source", "target"];
const SENT = [
  "messaging_system",
  "messaging_operation_name",
  "messaging_destination_name",
];
const CONSUMED = [...SENT, "messaging_consumer_group_name"];

/** Of pools, mirrors and sentinels; `integration/exported_metrics` asks them. */
export const OURS: Catalogue = {
  messaging_client_consumed_messages_total: CONSUMED,
  messaging_client_sent_messages_total: SENT,
  ...histogram("messaging_client_operation_duration_seconds", CONSUMED),
  ...histogram("messaging_process_duration_seconds", CONSUMED),
  switchyard_records_consumed_total: [],
  switchyard_records_produced_total: [],
  switchyard_records_dead_lettered_total: [],
  switchyard_records_skipped_total: [],
  switchyard_records_retried_total: [],
  switchyard_records_already_done_total: [],
  kafka_consumergroup_group_lag: PARTITION,
  kafka_consumergroup_group_lag_seconds: PARTITION,
  kafka_consumergroup_group_offset: PARTITION,
  kafka_partition_latest_offset: ["topic", "partition"],
  switchyard_workers: ["state"],
  switchyard_worker_partitions: ["worker"],
  switchyard_worker_pending_records: ["worker"],
  switchyard_worker_heap_bytes: ["worker"],
  switchyard_worker_utilization: ["worker", "bound"],
  switchyard_worker_restarts_total: [],
  switchyard_worker_stalled_seconds: ["worker"],
  switchyard_rebalances_total: [],
  switchyard_partition_moves_total: [],
  switchyard_transactions_total: ["outcome"],
  switchyard_spans_dropped_total: [],
  switchyard_pool_phase: ["phase"],
  switchyard_active_cluster: ["cluster"],
  switchyard_state_epoch: [],
  switchyard_mirror_records_total: FLOW,
  switchyard_mirror_bytes_total: FLOW,
  switchyard_mirror_lag_records: FLOW,
  switchyard_mirror_lag_seconds: FLOW,
  switchyard_mirror_topics: FLOW,
  switchyard_mirror_lanes: [...FLOW, "state"],
  switchyard_mirror_idle: FLOW,
  switchyard_mirror_era: FLOW,
  switchyard_mirror_stopped_partitions: FLOW,
  switchyard_mirror_damages: FLOW,
  switchyard_mirror_checkpoint_age_seconds: FLOW,
  switchyard_mirror_heartbeat_age_seconds: FLOW,
  switchyard_sentinel_cluster_health: ["cluster", "health"],
  switchyard_sentinel_active: ["cluster"],
  switchyard_sentinel_epoch: [],
  switchyard_sentinel_voting: [],
  switchyard_sentinel_votes: [],
  switchyard_sentinel_advises: [],
  switchyard_sentinel_lag_seconds: [],
  switchyard_sentinel_phase: ["phase"],
  switchyard_sentinel_state_phase: ["phase"],
  switchyard_gateway_connections: ["listen"],
  switchyard_gateway_accepted_total: ["listen"],
  switchyard_gateway_refused_total: ["listen", "reason"],
  switchyard_certificate_expiry_seconds: ["cluster", "file"],
  switchyard_build_info: ["version", "deno", "librdkafka"],
  process_start_time_seconds: [],
  process_resident_memory_bytes: [],
};

/**
 * Of standard exporters, whose targets have the label `cluster`:
 * danielqsj/kafka_exporter 1.7 to 1.10 by its source and README,
 * prometheus/node_exporter 1.5 as it answered.
 */
export const EXPORTERS: Catalogue = {
  kafka_brokers: ["cluster"],
  kafka_topic_partition_current_offset: ["cluster", "topic", "partition"],
  kafka_topic_partition_oldest_offset: ["cluster", "topic", "partition"],
  kafka_topic_partition_in_sync_replica: ["cluster", "topic", "partition"],
  kafka_topic_partition_leader: ["cluster", "topic", "partition"],
  kafka_topic_partition_leader_is_preferred: ["cluster", "topic", "partition"],
  kafka_topic_partition_replicas: ["cluster", "topic", "partition"],
  kafka_topic_partition_under_replicated_partition: [
    "cluster",
    "topic",
    "partition",
  ],
  kafka_consumergroup_lag_sum: ["cluster", "consumergroup", "topic"],
  kafka_consumergroup_members: ["cluster", "consumergroup"],
  node_filesystem_avail_bytes: ["cluster", "device", "fstype", "mountpoint"],
  node_filesystem_size_bytes: ["cluster", "device", "fstype", "mountpoint"],
  node_disk_io_time_seconds_total: ["cluster", "device"],
  node_network_receive_bytes_total: ["cluster", "device"],
  node_network_transmit_bytes_total: ["cluster", "device"],
  node_cpu_seconds_total: ["cluster", "cpu", "mode"],
  node_memory_MemAvailable_bytes: ["cluster"],
};

/** Of Prometheus itself. */
export const PROMETHEUS_OWN: Catalogue = {
  up: [],
  ALERTS: ["alertname", "alertstate", "severity"],
};

function histogram(name: string, labels: readonly string[]): Catalogue {
  return {
    [`${name}_bucket`]: [...labels, "le"],
    [`${name}_sum`]: labels,
    [`${name}_count`]: labels,
  };
}
