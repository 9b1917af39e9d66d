import assert from "node:assert/strict";
import type { PoolStatus, Sample } from "../../src/pool/status.ts";
import { LiveHistory, type LiveTitle } from "../../src/telemetry/live_model.ts";
import type { LogLevel, LogLine } from "../../src/telemetry/log.ts";
import { sampleText } from "../../src/telemetry/sample_text.ts";
import { poolStatus, workerStatus } from "./support_pool_status.ts";

const title: LiveTitle = {
  processor: "p",
  inputTopic: "in",
  outputTopic: "out",
  cluster: "c",
  heapLimitBytes: 1,
};
const none = {
  consumed: 0,
  produced: 0,
  deadLettered: 0,
  skipped: 0,
  retried: 0,
  alreadyDone: 0,
};

function status(
  totals: Partial<PoolStatus["totals"]>,
  more: Partial<PoolStatus> = {},
): PoolStatus {
  return poolStatus({ totals: { ...none, ...totals }, ...more });
}

Deno.test("the model has the rates between snapshots", () => {
  const history = new LiveHistory(title, 0);
  history.observe(status({}), 0);
  const { flows, elapsedMs } = history.observe(
    status({ consumed: 500, produced: 400, deadLettered: 100 }),
    1000,
  );
  assert.equal(elapsedMs, 1000);
  assert.deepEqual(
    [flows.consumed, flows.produced, flows.deadLettered, flows.skipped]
      .map(({ perSecond, total }) => [perSecond, total]),
    [[500, 500], [400, 400], [100, 100], [0, 0]],
  );
});

Deno.test("histories have one value a second, however often one looks", () => {
  const history = new LiveHistory(title, 0);
  let model = history.observe(status({}), 0);
  for (let at = 200; at <= 3000; at += 200) {
    model = history.observe(status({ consumed: at }, { lag: at }), at);
  }
  assert.deepEqual(model.flows.consumed.history, [1000, 1000, 1000]);
  assert.deepEqual(model.lagHistory, [1000, 2000, 3000]);
});

Deno.test("each worker has its own rate, and a new one begins at none", () => {
  const worker = (id: number, consumed: number) =>
    workerStatus(id, { totals: { ...none, consumed } });
  const history = new LiveHistory(title, 0);
  const rates = (at: number, ...workers: ReturnType<typeof worker>[]) =>
    history.observe(status({}, { workers }), at).workers
      .map(({ status, perSecond }) => [status.id, perSecond]);
  rates(0, worker(0, 0), worker(1, 0));
  assert.deepEqual(rates(1000, worker(0, 10), worker(1, 20)), [[0, 10], [
    1,
    20,
  ]]);
  rates(2000, worker(0, 10));
  assert.deepEqual(rates(3000, worker(1, 500)), [[1, 0]]);
});

Deno.test("samples stay long enough to be read", () => {
  const history = new LiveHistory(title, 0);
  const shown = (at: number, input: string) =>
    history.observe(
      status({}, { samples: [{ input, output: "x" }] }),
      at,
    ).samples.map((sample) => sample.input);
  assert.deepEqual(shown(0, "a"), ["a"]);
  assert.deepEqual(shown(2900, "b"), ["a"]);
  assert.deepEqual(shown(3100, "c"), ["c"]);
});

Deno.test("the samples shown are the newest, a dead letter among them", () => {
  const samples: Sample[] = [
    { input: "dead", output: null, reason: "r" },
    ...[1, 2, 3, 4].map((each) => ({ input: `${each}`, output: "x" })),
  ];
  const { samples: shown } = new LiveHistory(title, 0)
    .observe(status({}, { samples }), 0);
  assert.deepEqual(shown.map(({ input }) => input), ["4", "3", "dead"]);
});

Deno.test("reasons are remembered once each, the newest first", () => {
  const history = new LiveHistory(title, 0);
  const reasons = (...given: string[]) =>
    history.observe(
      status({}, {
        samples: given.map((reason) => ({ input: "", output: null, reason })),
      }),
      0,
    ).reasons;
  assert.deepEqual(reasons("a", "b"), ["b", "a"]);
  assert.deepEqual(reasons("b", "c"), ["c", "b", "a"]);
  assert.deepEqual(reasons(), ["c", "b", "a"]);
});

Deno.test("of the log, warnings and errors are shown", () => {
  const line = (level: LogLevel): LogLine => ({
    time: "",
    level,
    message: level,
    fields: {},
  });
  const history = new LiveHistory(title, 0);
  for (const level of ["debug", "info", "warn", "error"] as const) {
    history.log(line(level));
  }
  const { log } = history.observe(status({}), 0);
  assert.deepEqual(log.map(({ level }) => level), ["warn", "error"]);
});

Deno.test("what is remembered is bounded", () => {
  const history = new LiveHistory(title, 0);
  let model = history.observe(status({}), 0);
  for (let second = 1; second <= 1000; second++) {
    history.log({ time: "", level: "warn", message: "", fields: {} });
    model = history.observe(
      status({}, {
        samples: [{ input: "", output: null, reason: `${second}` }],
      }),
      second * 1000,
    );
  }
  for (
    const values of [
      model.flows.consumed.history,
      model.lagHistory,
      model.log,
      model.reasons,
    ]
  ) assert.ok(values.length <= 200, `${values.length}`);
});

const textOf = (spans: ReturnType<typeof sampleText>["input"]) =>
  spans.map((span) => typeof span === "string" ? span : span[0]).join("")
    .trim();

Deno.test("a sample shows what the processor changed, first and alone", () => {
  const { input, output, unchanged } = sampleText({
    input: '{"id":1,"locale":"de","ip":"::1"}',
    output: '{"id":1,"locale":"DE","ip":"::1","at":"now"}',
  });
  assert.equal(textOf(input), 'locale "de"  id 1  ip "::1"');
  assert.equal(textOf(output), 'locale "DE"  at "now"');
  assert.equal(unchanged, 2);
});

Deno.test("a sample that is no JSON object is shown as it is", () => {
  const { input, output } = sampleText({ input: '[1,"\x1b"', output: "[2]" });
  assert.equal(textOf(input), '[1,"·"');
  assert.equal(textOf(output), "[2]");
  assert.equal(
    textOf(sampleText({ input: "", output: null }).input),
    "(empty)",
  );
});

Deno.test("of two clusters the title names the one in use, and a switch that is under way", () => {
  const history = new LiveHistory(title, 0);
  const shown = (phase: string) => {
    const following = { active: "secondary", epoch: 7, phase } as const;
    return history.observe(status({}, { following }), 0).title.cluster;
  };
  assert.equal(history.observe(status({}), 0).title.cluster, "c");
  assert.equal(shown("steady"), "secondary (epoch 7)");
  assert.equal(shown("fencing"), "secondary (epoch 7, fencing)");
});
