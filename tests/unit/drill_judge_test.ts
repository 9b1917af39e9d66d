import assert from "node:assert/strict";
import fc from "fast-check";
import { judge } from "../../dr/drill/judge.ts";
import type { Seen } from "../../dr/drill/mod.ts";
import {
  type Course,
  failedOver,
  spoilt,
  withAnother,
  without,
} from "./support_drill.ts";

const COURSE: Course = { before: 60, after: 40, tail: 7, ahead: 3 };
const evidence = failedOver(COURSE);

const courses = fc.record({
  before: fc.integer({ min: 20, max: 80 }),
  after: fc.integer({ min: 10, max: 80 }),
  tail: fc.nat(10),
}).chain((each) =>
  fc.record({ ahead: fc.nat(each.tail) }).map((more) => ({ ...each, ...more }))
);

Deno.test("a failover as it should be has no violations, and its tail is told", () => {
  fc.assert(fc.property(courses, (course) => {
    const found = judge(failedOver(course));
    assert.deepEqual(found.violations, []);
    assert.deepEqual(
      [found.lost, found.repeated, found.reordered, found.tail],
      [0, 0, 0, course.tail],
    );
    assert.equal(
      found.oldestTailMs,
      course.tail === 0 ? null : course.before - course.tail + 1,
    );
  }));
});

Deno.test("a mirror that has copied nothing is found, though it breaks no promise", () => {
  const nothing = failedOver({ before: 30, after: 20, tail: 30, ahead: 0 });
  assert.deepEqual(judge(nothing).violations, [
    "no input of the cluster that was left came over",
  ]);
});

Deno.test("an output that is missing is lost, whichever it is", () => {
  fc.assert(fc.property(courses, fc.nat(), (course, place) => {
    const good = failedOver(course);
    const { inputs } = good.clusters.secondary;
    const there = new Set(inputs.map(({ id }) => id));
    const bad = spoilt(good, ({ outputs }) => {
      // Those of the tail are not owed.
      const owed = outputs.flatMap(({ id }, at) => there.has(id) ? [at] : []);
      return { outputs: without(outputs, owed[place % owed.length]!) };
    });
    const { lost, violations } = judge(bad);
    assert.equal(lost, 1);
    assert.deepEqual(violations, ["1 outputs are lost"]);
  }));
});

Deno.test("an output that is there twice is repeated, also one ahead of its input", () => {
  fc.assert(fc.property(courses, fc.nat(), (course, place) => {
    const bad = spoilt(failedOver(course), ({ outputs }) => ({
      outputs: withAnother(outputs, place % outputs.length),
    }));
    const { repeated, violations } = judge(bad);
    assert.equal(repeated, 1);
    assert.deepEqual(violations, ["1 outputs are repeated"]);
  }));
});

Deno.test("an output that comes after one of a later input of its key is out of order", () => {
  const bad = spoilt(evidence, ({ outputs }) => {
    const at = outputs.findIndex(({ id }) => id === 10);
    const late = outputs.filter(({ id }) => id === 10);
    const rest = outputs.filter(({ id }) => id !== 10);
    const next = rest.findLastIndex(({ id }) => id === 15);
    assert.ok(at >= 0 && next >= at && late.length > 0);
    return {
      outputs: [...rest.slice(0, next + 1), ...late, ...rest.slice(next + 1)],
    };
  });
  const { lost, reordered, repeated } = judge(bad);
  assert.deepEqual([lost, repeated], [0, 0]);
  assert.ok(reordered > 0);
});

Deno.test("an acknowledged input that no cluster has is a violation, and no tail", () => {
  const gone = COURSE.before - 1;
  const primary = evidence.clusters.primary;
  const bad = {
    ...evidence,
    clusters: {
      ...evidence.clusters,
      primary: {
        ...primary,
        inputs: primary.inputs.filter(({ id }) => id !== gone),
      },
    },
  };
  const { tail, violations } = judge(bad);
  assert.equal(tail, COURSE.tail - 1);
  assert.ok(violations.includes("1 acknowledged inputs are on no cluster"));
});

Deno.test("one that was never acknowledged may be anywhere", () => {
  const sent = evidence.sent.map((each) =>
    each.id === COURSE.before - 1 ? { ...each, acknowledgedMs: null } : each
  );
  const found = judge({ ...evidence, sent });
  assert.deepEqual(found.violations, []);
  assert.equal(found.tail, COURSE.tail - 1);
});

const MIRRORED: Readonly<
  Record<string, (inputs: readonly Seen[]) => readonly Seen[]>
> = {
  "left out in the middle": (inputs) => without(inputs, 20),
  "copied twice": (inputs) => withAnother(inputs, 20),
  "swapped with the next of its partition": (inputs) => {
    const { partition } = inputs[20]!;
    const next = inputs.findIndex((each, at) =>
      at > 20 && each.partition === partition
    );
    return inputs.with(20, inputs[next]!).with(next, inputs[20]!);
  },
};
for (const [what, change] of Object.entries(MIRRORED)) {
  Deno.test(`an input that was ${what} by the mirror is found`, () => {
    const bad = spoilt(evidence, ({ inputs }) => ({ inputs: change(inputs) }));
    const { violations } = judge(bad);
    assert.ok(
      violations.some((each) => each.includes("where the primary has")),
      violations.join("; "),
    );
  });
}

Deno.test("outputs and inputs that nobody asked for are found", () => {
  const stray = {
    id: 9_999,
    partition: 0,
    offset: 9_999,
    key: "key-0",
    value: "stray",
    digest: "stray",
  };
  const claim = { clusterId: "two", partition: 0, offset: 9_999, ordinal: 0 };
  const bad = spoilt(evidence, ({ inputs, outputs }) => ({
    inputs: [...inputs, stray],
    outputs: [
      ...outputs,
      { ...stray, ordinal: 0, writtenMs: 0, claim },
    ],
  }));
  assert.deepEqual(judge(bad).violations, [
    "1 inputs are there that were never sent",
    "1 outputs are there that no input demands",
  ]);
});

Deno.test("an input that the load has sent twice is none that was copied, and demands its outputs twice", () => {
  const { id } = evidence.sent.findLast(({ outputs }) => outputs > 0)!;
  const twice = spoilt(evidence, ({ inputs }) => ({
    inputs: withAnother(inputs, inputs.findIndex((each) => each.id === id)),
  }));
  const { lost, violations } = judge(twice);
  assert.equal(lost, evidence.sent[id]!.outputs);
  assert.deepEqual(violations, [
    `${evidence.sent[id]!.outputs} outputs are lost`,
  ]);
});

Deno.test("an input that is there more often than where the load has sent it was copied", () => {
  const twice = spoilt(evidence, ({ inputs }) => ({
    inputs: withAnother(inputs, 20),
  }));
  assert.ok(
    judge(twice).violations.includes("1 inputs are there more than once"),
  );
  const { primary } = twice.clusters;
  const atPlace = primary.inputs.findIndex(({ id }) =>
    id === twice.clusters.secondary.inputs[20]!.id
  );
  const both = {
    ...twice,
    clusters: {
      ...twice.clusters,
      primary: { ...primary, inputs: withAnother(primary.inputs, atPlace) },
    },
  };
  assert.ok(
    !judge(both).violations.includes("1 inputs are there more than once"),
  );
});

Deno.test("where nobody has moved the primary alone is judged", () => {
  const { primary } = evidence.clusters;
  const sent = evidence.sent.filter(({ cluster }) => cluster === "primary");
  const clusters = {
    primary,
    secondary: { ...primary, clusterId: "two" },
  };
  const found = judge({ sent, active: "primary", clusters });
  assert.deepEqual(found.violations, []);
  assert.equal(found.tail, 0);
});

Deno.test("where nobody has moved the mirror has to come to the end", () => {
  const { primary } = evidence.clusters;
  const sent = evidence.sent.filter(({ cluster }) => cluster === "primary");
  const secondary = { ...primary, inputs: primary.inputs.slice(3) };
  const clusters = { primary, secondary };
  assert.equal(judge({ sent, active: "primary", clusters }).behind, 3);
});

Deno.test("an output that names another input than its own is found", () => {
  fc.assert(fc.property(fc.nat(), (place) => {
    const bad = spoilt(evidence, ({ outputs }) => {
      const at = place % outputs.length;
      const claim = outputs[at]!.claim!;
      const other = { ...claim, offset: claim.offset + 1 };
      return { outputs: outputs.with(at, { ...outputs[at]!, claim: other }) };
    });
    assert.ok(
      judge(bad).violations.includes(
        "1 outputs name another input than theirs",
      ),
    );
  }));
});

Deno.test("outputs without a word of their input are found", () => {
  const bad = spoilt(evidence, ({ outputs }) => ({
    outputs: outputs.map((each) => ({ ...each, claim: null })),
  }));
  assert.deepEqual(judge(bad).violations, [
    `${bad.clusters.secondary.outputs.length} outputs do not say what input ` +
    "they come from",
  ]);
});

Deno.test("an input of the tail that the way back does not list is found", () => {
  const { inputs } = evidence.clusters.primary;
  const ends = inputs.map(({ offset, partition }) => ({
    partition,
    start: offset,
    end: offset + 1,
  }));
  const listed = ends.slice(COURSE.before - COURSE.tail);
  assert.deepEqual(judge({ ...evidence, listed }).violations, []);
  assert.deepEqual(judge({ ...evidence, listed: listed.slice(1) }).violations, [
    "1 inputs of the tail are not found by the way back",
  ]);
});

Deno.test("work goes on where the load is taken after the faults, and not where little of it is", () => {
  const calmMs = 60; // The records of the toy come one each ms.
  const load = { endMs: 100, perSecond: 1_000 };
  const good = { ...evidence, calmMs, load };
  assert.deepEqual(judge(good).violations, []);
  assert.equal(judge(good).afterwards, COURSE.after);
  const refused = evidence.sent.map((each) =>
    each.id >= 80 ? { ...each, acknowledgedMs: null } : each
  );
  const { inputs } = evidence.clusters.secondary;
  const inOne = new Set(
    inputs.filter(({ partition }) => partition === 1).map(({ id }) => id),
  );
  const refusedByOne = refused.map((each, at) =>
    inOne.has(each.id) ? each : evidence.sent[at]!
  );
  for (
    const bad of [
      { ...good, sent: refused },
      { ...good, sent: refusedByOne },
      { ...good, load: { endMs: 100, perSecond: 10_000 } },
    ]
  ) assert.match(judge(bad).violations.join(), /the secondary took \d+ inputs/);
});

Deno.test("inputs that a stall has cost are no standstill, once it is over", () => {
  const stalled = evidence.sent.map((each) =>
    each.id >= 65 && each.id < 90 ? { ...each, acknowledgedMs: null } : each
  );
  const load = { endMs: 100, perSecond: 1_000 };
  const found = judge({ ...evidence, calmMs: 60, load, sent: stalled });
  assert.deepEqual(found.violations, []);
  assert.equal(found.afterwards, COURSE.after - 25);
});
