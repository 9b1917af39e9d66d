import assert from "node:assert/strict";
import fc from "fast-check";
import type { PoolPhase, WorkerState } from "../../src/pool/status.ts";
import { cellsOf } from "../../src/telemetry/cells.ts";
import { renderLiveView } from "../../src/telemetry/live_frame.ts";
import type {
  Flow,
  LiveModel,
  LiveWorker,
} from "../../src/telemetry/live_model.ts";

const flow: Flow = {
  perSecond: 1000,
  averagePerSecond: 900,
  total: 12_345,
  history: [1, 2, 3],
};
const nothing: Flow = {
  perSecond: 0,
  averagePerSecond: 0,
  total: 0,
  history: [],
};
const model: LiveModel = {
  title: {
    processor: "user_login",
    inputTopic: "user-login",
    outputTopic: "user-login-processed",
    cluster: "embedded cluster",
    heapLimitBytes: 100 * 2 ** 20,
  },
  phase: "running",
  failure: null,
  elapsedMs: 83_000,
  flows: {
    consumed: flow,
    produced: flow,
    deadLettered: nothing,
    skipped: nothing,
    retried: nothing,
    alreadyDone: nothing,
  },
  lag: 77,
  lagHistory: [5, 6],
  workers: [worker(0), worker(1)],
  reasons: [],
  samples: [],
  log: [],
};

function worker(id: number, state: WorkerState = "running"): LiveWorker {
  return {
    status: {
      id,
      state,
      partitions: [
        { topic: "user-login", partition: 2 * id },
        { topic: "user-login", partition: 2 * id + 1 },
      ],
      totals: {
        consumed: 0,
        produced: 0,
        deadLettered: 0,
        skipped: 0,
        retried: 0,
        alreadyDone: 0,
      },
      pendingRecords: 321,
      heapBytes: 45 * 2 ** 20,
      utilization: { records: 0, bytes: 0 },
      stalledMs: 0,
    },
    perSecond: 500,
  };
}

/** With single spaces and visible escapes, for legible expectations. */
function frame(
  changes: Partial<LiveModel> = {},
  size: { columns?: number; rows?: number; color?: boolean } = {},
): string {
  return renderLiveView({ ...model, ...changes }, {
    columns: 80,
    rows: 24,
    color: false,
    ...size,
  }).join("\n").replaceAll(/ +/g, " ").replaceAll("\x1b", "<esc>");
}

Deno.test("a frame tells what runs, where, and how fast", () => {
  const text = frame();
  for (
    const part of [
      /Switchyard user_login ● running 1m 23s/,
      /user-login → user-login-processed embedded cluster/,
      /^ in 1,000 900 12,345 ▃▆█$/m,
      /^ out 1,000 900 12,345/m,
      /^ dead letters 0 0 0 0 % of in$/m,
      /^ lag 77 ▇█$/m,
      /^ 1 running 500 █+ 321 45 MB 2-3$/m,
      /Ctrl-C to stop/,
    ]
  ) assert.match(text, part);
});

Deno.test("an unknown lag is not a number", () => {
  assert.match(frame({ lag: null }), /^ lag unknown/m);
});

Deno.test("records that were skipped have a row once there are any", () => {
  assert.doesNotMatch(frame(), /skipped/);
  const flows = { ...model.flows, skipped: { ...nothing, total: 3 } };
  assert.match(frame({ flows }), /^ skipped 0 0 3/m);
});

Deno.test("records that are tried later have a row once there are any", () => {
  assert.doesNotMatch(frame(), /tried later/);
  const flows = { ...model.flows, retried: { ...nothing, total: 3 } };
  assert.match(frame({ flows }), /^ tried later 0 0 3/m);
});

Deno.test("outputs that were there already have a row once there are any", () => {
  assert.doesNotMatch(frame(), /already done/);
  const flows = { ...model.flows, alreadyDone: { ...nothing, total: 3 } };
  assert.match(frame({ flows }), /^ already done 0 0 3/m);
});

Deno.test("a failing pool says why", () => {
  const text = frame({ phase: "failing", failure: "worker 1 hangs" });
  assert.match(text, /● failing/);
  assert.match(text, /^ worker 1 hangs$/m);
});

Deno.test("a frame that is the last one asks for nothing", () => {
  assert.doesNotMatch(frame({ phase: "stopped" }), /Ctrl-C/);
});

Deno.test("dead letters, samples and the log are shown when there are any", () => {
  const text = frame({
    reasons: ["timestamp: expected number"],
    samples: [
      { input: '{"a":1}', output: '{"a":2}' },
      { input: "{", output: null, reason: "no JSON" },
    ],
    log: [{
      time: "2026-01-02T03:04:05.678Z",
      level: "warn",
      message: "worker restarts",
      fields: { worker: 1 },
    }],
  });
  for (
    const line of [
      / ─ Last reasons of dead letters ─+\n timestamp: expected number\n/,
      / ─ Samples ─+\n in a 1 \n out a 2 \n in {\n dead no JSON\n/,
      / ─ Log ─+\n 03:04:05 warn worker restarts worker 1\n/,
    ]
  ) assert.match(text, line);
});

Deno.test("workers in trouble are shown where not all fit", () => {
  const workers = Array.from(
    { length: 40 },
    (_, id) => worker(id, id === 33 ? "hung" : "running"),
  );
  const text = frame({ workers });
  assert.match(text, /^ 33 hung/m);
  assert.match(text, /^ 0 running/m);
  assert.match(text, /and \d+ more; of all: 39 running, 1 hung/);
});

Deno.test("colour means something: states, and heaps near their limit", () => {
  const healthy = frame({}, { color: true });
  assert.match(healthy, /<esc>\[32mrunning/);
  assert.doesNotMatch(healthy, /<esc>\[3[13]m/);
  const big = worker(0, "restarting");
  const troubled = frame({
    workers: [
      { ...big, status: { ...big.status, heapBytes: 90 * 2 ** 20 } },
      worker(1, "hung"),
    ],
  }, { color: true });
  assert.match(troubled, /<esc>\[33mrestarting/);
  assert.match(troubled, /<esc>\[33m 90 MB/);
  assert.match(troubled, /<esc>\[31mhung/);
});

Deno.test("a narrow terminal gets the columns that matter most, uncut", () => {
  const text = frame({}, { columns: 50 });
  assert.match(text, /^ in 1,000 12,345$/m);
  assert.match(text, /^ 0 running 500 0-1$/m);
  assert.match(frame({}, { columns: 36 }), /^ in 1,000$/m);
});

const anyText = fc.string({ unit: "binary", maxLength: 300 });
const anyFlow: fc.Arbitrary<Flow> = fc.record({
  perSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
  averagePerSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
  total: fc.maxSafeNat(),
  history: fc.array(fc.double({ min: 0, max: 1e9, noNaN: true })),
});
const anyWorker: fc.Arbitrary<LiveWorker> = fc.record({
  status: fc.record({
    id: fc.nat(2000),
    state: fc.constantFrom<WorkerState>(
      "starting",
      "running",
      "retiring",
      "restarting",
      "hung",
    ),
    partitions: fc.array(fc.record({ topic: anyText, partition: fc.nat(999) })),
    totals: fc.constant(model.workers[0]!.status.totals),
    pendingRecords: fc.nat(),
    heapBytes: fc.nat(),
    utilization: fc.constant({ records: 0, bytes: 0 }),
    stalledMs: fc.constant(0),
  }),
  perSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
});
const anyModel: fc.Arbitrary<LiveModel> = fc.record({
  title: fc.record({
    processor: anyText,
    inputTopic: anyText,
    outputTopic: anyText,
    cluster: anyText,
    heapLimitBytes: fc.nat(),
  }),
  phase: fc.constantFrom<PoolPhase>(
    "starting",
    "running",
    "draining",
    "stopped",
    "failing",
  ),
  failure: fc.option(anyText),
  elapsedMs: fc.nat(),
  flows: fc.record({
    consumed: anyFlow,
    produced: anyFlow,
    deadLettered: anyFlow,
    skipped: anyFlow,
    retried: anyFlow,
    alreadyDone: anyFlow,
  }),
  lag: fc.option(fc.nat()),
  lagHistory: fc.array(fc.nat()),
  workers: fc.array(anyWorker, { maxLength: 70 }),
  reasons: fc.array(anyText, { maxLength: 8 }),
  samples: fc.array(
    fc.record({
      input: fc.oneof(anyText, fc.json()),
      output: fc.option(fc.oneof(anyText, fc.json())),
    }, { requiredKeys: ["input", "output"] }),
    { maxLength: 3 },
  ),
  log: fc.array(
    fc.record({
      time: fc.constant("2026-01-02T03:04:05.678Z"),
      level: fc.constantFrom("warn" as const, "error" as const),
      message: anyText,
      fields: fc.dictionary(anyText, anyText),
    }),
    { maxLength: 6 },
  ),
});

Deno.test("no frame is larger than its terminal or moves its cursor", () => {
  fc.assert(fc.property(
    anyModel,
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 60 }),
    (model, columns, rows) => {
      const lines = renderLiveView(model, { columns, rows, color: false });
      assert.ok(lines.length <= Math.max(1, rows - 1));
      for (const line of lines) {
        assert.ok(cellsOf(line) <= Math.max(1, columns - 1), line);
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }
    },
  ));
});
