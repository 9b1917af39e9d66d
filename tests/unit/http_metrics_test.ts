import assert from "node:assert/strict";
import { NO_HAPPENINGS, type PoolStatus } from "../../src/pool/status.ts";
import { Durations } from "../../src/telemetry/durations.ts";
import { metricsPage } from "../../src/telemetry/otel/metrics_page.ts";
import {
  poolMetrics,
  type PoolNames,
} from "../../src/telemetry/pool_metrics.ts";
import { poolStatus, workerStatus } from "./support_pool_status.ts";

const polls = new Durations();
polls.add(20);
polls.add(60_000);
const status = poolStatus({
  totals: {
    consumed: 10,
    produced: 7,
    deadLettered: 2,
    skipped: 1,
    retried: 3,
    alreadyDone: 4,
  },
  lag: 42,
  partitions: [
    {
      topic: "t",
      partition: 0,
      worker: 0,
      committed: 100,
      end: 142,
      lag: 42,
      lagMs: 1500,
    },
    {
      topic: "t.retry.1m",
      partition: 0,
      worker: null,
      committed: 3,
      end: 4,
      lag: null,
      lagMs: null,
    },
    {
      topic: "t",
      partition: 1,
      worker: 0,
      committed: null,
      end: null,
      lag: null,
      lagMs: null,
    },
  ],
  happenings: {
    fetched: 12,
    rebalances: 1,
    moves: 2,
    restarts: 3,
    committed: 4,
    aborted: 5,
    droppedSpans: 6,
    durations: { ...NO_HAPPENINGS.durations, poll: polls.distribution },
  },
  workers: [
    workerStatus(0, {
      partitions: [{ topic: "t", partition: 0 }, { topic: "t", partition: 1 }],
      pendingRecords: 5,
      utilization: { records: 0.5, bytes: 1 },
      heapBytes: 1e6,
    }),
    workerStatus(3, { state: "hung", heapBytes: 2e6, stalledMs: 2500 }),
  ],
});
const names: PoolNames = {
  group: "g",
  input: "t",
  output: "out",
  deadLetters: "t.dlq",
  delayTopics: ["t.retry.1m"],
};

const pageOf = (status: PoolStatus, more: Partial<PoolNames> = {}) =>
  metricsPage(poolMetrics(status, { ...names, ...more }), "instance", 0);

/** Lines that are no comments, and not about who reports or how long it took. */
function samplesOf(text: string): string[] {
  return text.split("\n").filter((line) =>
    /^[^#]/.test(line) && !/^target_info|_duration_/.test(line)
  );
}

Deno.test("metrics have the pool's records, partitions, workers and what happened to it", () => {
  const sent =
    'messaging_system="kafka",messaging_operation_name="send",messaging_destination_name';
  assert.deepEqual(
    samplesOf(pageOf(status)),
    [
      'switchyard_pool_phase{phase="starting"} 0',
      'switchyard_pool_phase{phase="running"} 1',
      'switchyard_pool_phase{phase="draining"} 0',
      'switchyard_pool_phase{phase="switching"} 0',
      'switchyard_pool_phase{phase="stopped"} 0',
      'switchyard_pool_phase{phase="failing"} 0',
      "switchyard_records_consumed_total 10",
      "switchyard_records_produced_total 7",
      "switchyard_records_dead_lettered_total 2",
      "switchyard_records_skipped_total 1",
      "switchyard_records_retried_total 3",
      "switchyard_records_already_done_total 4",
      'messaging_client_consumed_messages_total{messaging_system="kafka",' +
      'messaging_operation_name="poll",messaging_destination_name="t",' +
      'messaging_consumer_group_name="g"} 12',
      `messaging_client_sent_messages_total{${sent}="out"} 7`,
      `messaging_client_sent_messages_total{${sent}="t.dlq"} 2`,
      `messaging_client_sent_messages_total{${sent}="t.retry.1m"} 3`,
      'kafka_consumergroup_group_lag{group="g",topic="t",partition="0"} 42',
      'kafka_consumergroup_group_lag_seconds{group="g",topic="t",partition="0"} 1.5',
      'kafka_consumergroup_group_offset{group="g",topic="t",partition="0"} 100',
      'kafka_consumergroup_group_offset{group="g",topic="t.retry.1m",partition="0"} 3',
      'kafka_partition_latest_offset{topic="t",partition="0"} 142',
      'kafka_partition_latest_offset{topic="t.retry.1m",partition="0"} 4',
      'switchyard_workers{state="starting"} 0',
      'switchyard_workers{state="running"} 1',
      'switchyard_workers{state="retiring"} 0',
      'switchyard_workers{state="restarting"} 0',
      'switchyard_workers{state="hung"} 1',
      'switchyard_worker_partitions{worker="0"} 2',
      'switchyard_worker_partitions{worker="3"} 0',
      'switchyard_worker_pending_records{worker="0"} 5',
      'switchyard_worker_pending_records{worker="3"} 0',
      'switchyard_worker_utilization{worker="0",bound="records"} 0.5',
      'switchyard_worker_utilization{worker="0",bound="bytes"} 1',
      'switchyard_worker_utilization{worker="3",bound="records"} 0',
      'switchyard_worker_utilization{worker="3",bound="bytes"} 0',
      'switchyard_worker_heap_bytes{worker="0"} 1000000',
      'switchyard_worker_heap_bytes{worker="3"} 2000000',
      'switchyard_worker_stalled_seconds{worker="0"} 0',
      'switchyard_worker_stalled_seconds{worker="3"} 2.5',
      "switchyard_worker_restarts_total 3",
      "switchyard_rebalances_total 1",
      "switchyard_partition_moves_total 2",
      'switchyard_transactions_total{outcome="committed"} 4',
      'switchyard_transactions_total{outcome="aborted"} 5',
      "switchyard_spans_dropped_total 6",
    ],
  );
});

Deno.test("durations are cumulative histograms in seconds", () => {
  const lines = pageOf(status).split("\n").filter((line) =>
    line.includes("_duration_seconds") &&
    line.includes('operation_name="poll"')
  ).map((line) => line.replace(/\{.*?(?:,(le="[^"]+"))?\}/, "{$1}"));
  const name = "messaging_client_operation_duration_seconds";
  assert.deepEqual(lines.slice(0, 5), [
    `${name}_count{} 2`,
    `${name}_sum{} 60.02`,
    `${name}_bucket{le="0.005"} 0`,
    `${name}_bucket{le="0.01"} 0`,
    `${name}_bucket{le="0.025"} 1`,
  ]);
  assert.deepEqual(lines.slice(-2), [
    `${name}_bucket{le="10"} 1`,
    `${name}_bucket{le="+Inf"} 2`,
  ]);
});

Deno.test("every metric is announced with a help text and its type", () => {
  const text = pageOf(status);
  for (const sample of samplesOf(text)) {
    const name = sample.split(/[ {]/)[0]!;
    const type = name.endsWith("_total") ? "counter" : "gauge";
    assert.match(
      text,
      new RegExp(`^# HELP ${name} .+\n# TYPE ${name} ${type}$`, "m"),
    );
  }
});

Deno.test("records in one of several delay topics are not said to be in any of them", () => {
  const delayTopics = ["t.retry.1m", "t.retry.1h"];
  const text = pageOf(status, { delayTopics });
  assert.match(
    text,
    /sent_messages_total\{[^}]*messaging_destination_template="t\.retry\.\{delay\}"\} 3/,
  );
  assert.doesNotMatch(text, /sent_messages_total\{[^}]*"t\.retry\.1m"/);
});

Deno.test("label values are escaped", () => {
  const text = pageOf(status, { group: 'a"b\\c\nd' });
  assert.ok(text.includes('{group="a\\"b\\\\c\\nd",topic="t"'), text);
});

Deno.test("of two clusters the metrics tell which one is in use, and since which change", () => {
  const following = { active: "secondary", epoch: 7, phase: "steady" } as const;
  const samples = samplesOf(pageOf({ ...status, following }));
  assert.deepEqual(samples.slice(-3), [
    'switchyard_active_cluster{cluster="primary"} 0',
    'switchyard_active_cluster{cluster="secondary"} 1',
    "switchyard_state_epoch 7",
  ]);
});
