import assert from "node:assert/strict";
import { drillSpans } from "../../dr/drill/drill_spans.ts";
import { DEFAULT_OBJECTIVES, type DrillReport } from "../../dr/drill/mod.ts";
import { STEPS } from "../../dr/failover/fail_over.ts";
import { decided } from "../../dr/sentinel/decided.ts";
import { type Switch, Switcher } from "../../dr/sentinel/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import type { Span } from "../../src/telemetry/spans.ts";
import { eventually } from "../support/wait.ts";
import { FailbackWorld } from "./support_failback_world.ts";
import { FailoverWorld } from "./support_failover_world.ts";

function recording() {
  const spans: Span[] = [];
  const recorder = new SpanRecorder({ sink: (some) => spans.push(...some) });
  return { recorder, spans };
}

const namesOf = (spans: readonly Span[]) => spans.map(({ name }) => name);
const SWITCH: Switch = { to: "secondary", epoch: 7, reason: "primary is down" };

Deno.test("a failover is a trace with a span for each step, in their order", async () => {
  const { recorder, spans } = recording();
  const world = new FailoverWorld();
  world.spans = recorder;
  await world.run();
  const root = spans.at(-1)!;
  const steps = spans.slice(0, -1);
  assert.equal(root.name, "failover");
  assert.equal(root.attributes["switchyard.cluster"], "secondary");
  assert.deepEqual(namesOf(steps), STEPS.map((each) => `failover ${each}`));
  for (const { parentSpanId, traceId } of steps) {
    assert.deepEqual([parentSpanId, traceId], [root.spanId, root.traceId]);
  }
});

Deno.test("a step that fails says so, and so does its failover", async () => {
  const { recorder, spans } = recording();
  const world = new FailoverWorld();
  world.spans = recorder;
  await world.run({ step: "seal", when: "before" });
  const failed = spans.filter(({ error }) => error !== null);
  assert.deepEqual(namesOf(failed), ["failover seal", "failover"]);
});

Deno.test("the stages of a failback are spans", async () => {
  const { recorder, spans } = recording();
  const world = new FailbackWorld(3, [1]);
  world.spans = recorder;
  await world.run(null);
  const stages = ["tail", "pause", "replay", "done", "seed", "reverse"];
  assert.deepEqual(
    new Set(namesOf(spans)),
    new Set([...stages, "catch up"].map((each) => `switch ${each}`)),
  );
});

Deno.test("a sentinel's failover is a trace that whoever carries it out goes on in", async () => {
  const { recorder, spans } = recording();
  await using switcher = new Switcher({
    failOver: async (_, __, within) => {
      await within!.record({ name: "failover" }, () => Promise.resolve());
    },
    isUnderWay: () => false,
    log: createLog({ level: "error", write: () => {} }),
    spans: recorder,
  });
  switcher.begin(SWITCH);
  await eventually(() => spans.length === 2, { what: "recorded", everyMs: 1 });
  const [failover, switching] = spans;
  assert.equal(switching!.name, "sentinel fails over");
  assert.equal(switching!.attributes["switchyard.epoch"], 7);
  assert.equal(failover!.parentSpanId, switching!.spanId);
});

Deno.test("a decision is a span that says on what and why", () => {
  const { recorder, spans } = recording();
  decided(null, { kind: "stay" });
  decided(recorder, { kind: "advise", ...SWITCH });
  decided(recorder, { kind: "refuse", because: "hold-off", reason: "later" });
  assert.deepEqual(
    spans.map(({ attributes, name }) => [name, attributes]),
    [
      ["sentinel decides advise", {
        "switchyard.cluster": "secondary",
        "switchyard.epoch": 7,
        "switchyard.reason": "primary is down",
      }],
      ["sentinel decides refuse", {
        "switchyard.reason": "later",
        "switchyard.because": "hold-off",
      }],
    ],
  );
});

const REPORT: DrillReport = {
  scenario: "kill",
  world: "embedded",
  seed: 3,
  active: "secondary",
  detectMs: 300,
  decideMs: 250,
  promoteMs: 700,
  firstRecordMs: 900,
  sent: 10,
  acknowledged: 10,
  afterwards: 0,
  outputs: 10,
  lost: 0,
  repeated: 0,
  reordered: 0,
  tail: 0,
  behind: 0,
  switches: [],
  rpoMs: 0,
  tookMs: 5000,
  limits: [],
  violations: [],
  objectives: DEFAULT_OBJECTIVES,
  met: true,
};
const TIMES = { beganMs: 1000, faultMs: 2000, endedMs: 6000 };

Deno.test("a drill is a trace whose phases follow one another, without gaps", () => {
  const { recorder, spans } = recording();
  drillSpans(recorder, REPORT, TIMES);
  const [root, ...phases] = spans;
  assert.deepEqual(
    [root!.name, root!.startMs, root!.endMs, root!.error],
    ["drill kill", 1000, 6000, null],
  );
  assert.deepEqual(
    phases.map(({ endMs, name, startMs }) => [name, startMs, endMs]),
    [
      ["drill prepare", 1000, 2000],
      ["drill detect", 2000, 2300],
      ["drill decide", 2300, 2300],
      ["drill promote", 2300, 2700],
      ["drill first record", 2700, 2900],
      ["drill judge", 2900, 6000],
    ],
  );
  for (const { parentSpanId } of phases) {
    assert.equal(parentSpanId, root!.spanId);
  }
});

Deno.test("a drill that finds something says it, and has the phases that it came to", () => {
  const { recorder, spans } = recording();
  const report = {
    ...REPORT,
    met: false,
    violations: ["1 outputs are lost"],
    promoteMs: null,
    firstRecordMs: null,
  };
  drillSpans(recorder, report, TIMES);
  assert.equal(spans[0]!.error, "1 outputs are lost");
  assert.deepEqual(namesOf(spans.slice(1)), [
    "drill prepare",
    "drill detect",
    "drill decide",
    "drill judge",
  ]);
});
