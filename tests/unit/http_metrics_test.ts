import assert from "node:assert/strict";
import type { PoolStatus } from "../../src/pool/status.ts";
import type { Labels } from "../../src/telemetry/metrics.ts";
import { metricsPage } from "../../src/telemetry/otel/metrics_page.ts";
import { poolMetrics } from "../../src/telemetry/pool_metrics.ts";

const totals = {
  consumed: 10,
  produced: 7,
  deadLettered: 2,
  skipped: 1,
  retried: 3,
  alreadyDone: 4,
};
const status: PoolStatus = {
  phase: "running",
  totals,
  lag: 42,
  samples: [],
  workers: [
    {
      id: 0,
      state: "running",
      partitions: [{ topic: "t", partition: 0 }, { topic: "t", partition: 1 }],
      totals,
      pendingRecords: 5,
      heapBytes: 1e6,
    },
    {
      id: 3,
      state: "hung",
      partitions: [],
      totals,
      pendingRecords: 0,
      heapBytes: 2e6,
    },
  ],
};

const pageOf = (status: PoolStatus, group: Labels) =>
  metricsPage(poolMetrics(status, group), "instance", 0);

/** Lines that are no comments, and not about who reports. */
function samplesOf(text: string): string[] {
  return text.split("\n")
    .filter((line) => /^[^#]/.test(line) && !line.startsWith("target_info"));
}

Deno.test("metrics have the pool's totals, lag and workers", () => {
  assert.deepEqual(
    samplesOf(pageOf(status, { group: "g", topic: "t" })),
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
      'kafka_consumergroup_group_lag{group="g",topic="t"} 42',
      'switchyard_workers{state="starting"} 0',
      'switchyard_workers{state="running"} 1',
      'switchyard_workers{state="retiring"} 0',
      'switchyard_workers{state="restarting"} 0',
      'switchyard_workers{state="hung"} 1',
      'switchyard_worker_partitions{worker="0"} 2',
      'switchyard_worker_partitions{worker="3"} 0',
      'switchyard_worker_pending_records{worker="0"} 5',
      'switchyard_worker_pending_records{worker="3"} 0',
      'switchyard_worker_heap_bytes{worker="0"} 1000000',
      'switchyard_worker_heap_bytes{worker="3"} 2000000',
    ],
  );
});

Deno.test("every metric is announced with a help text and its type", () => {
  const text = pageOf(status, {});
  for (const sample of samplesOf(text)) {
    const name = sample.split(/[ {]/)[0]!;
    const type = name.endsWith("_total") ? "counter" : "gauge";
    assert.match(
      text,
      new RegExp(`^# HELP ${name} .+\n# TYPE ${name} ${type}$`, "m"),
    );
  }
});

Deno.test("a lag that is not known is left out rather than made up", () => {
  const text = pageOf({ ...status, lag: null }, { group: "g" });
  assert.doesNotMatch(text, /lag/);
});

Deno.test("label values are escaped", () => {
  const text = pageOf(status, { group: 'a"b\\c\nd' });
  assert.ok(text.includes('{group="a\\"b\\\\c\\nd"} 42\n'), text);
});

Deno.test("of two clusters the metrics tell which one is in use, and since which change", () => {
  const following = { active: "secondary", epoch: 7, phase: "steady" } as const;
  const samples = samplesOf(pageOf({ ...status, following }, {}));
  assert.deepEqual(samples.slice(-3), [
    'switchyard_active_cluster{cluster="primary"} 0',
    'switchyard_active_cluster{cluster="secondary"} 1',
    "switchyard_state_epoch 7",
  ]);
});
