import assert from "node:assert/strict";
import fc from "fast-check";
import { judge } from "../../dr/drill/judge.ts";
import type { Seen } from "../../dr/drill/mod.ts";
import { switchesIn } from "../../dr/drill/switches.ts";
import {
  broughtHome,
  failedOver,
  spoilt,
  withAnother,
  without,
} from "./support_drill.ts";

const ROUND_TRIP = { before: 40, away: 30, after: 20 };
const AWAY = ROUND_TRIP.before + 5;
const evidence = broughtHome(ROUND_TRIP);
const { primary, secondary } = evidence.clusters;

const some = fc.integer({ min: 10, max: 60 });
const roundTrips = fc.record({ before: some, away: some, after: some });

Deno.test("a planned switch and back as it should be has no violations, and no tail", () => {
  fc.assert(fc.property(roundTrips, (each) => {
    const found = judge(broughtHome(each));
    assert.deepEqual(found.violations, []);
    assert.deepEqual([found.tail, found.behind], [0, 0]);
    assert.deepEqual(found.switches.map(({ to }) => to), [
      "secondary",
      "primary",
    ]);
  }));
});

Deno.test("an acknowledged input of the secondary that has not come home is found", () => {
  const bad = spoilt(evidence, ({ inputs, outputs }) => ({
    inputs: inputs.filter(({ id }) => id !== AWAY),
    outputs: outputs.filter(({ id }) => id !== AWAY),
  }));
  const { tail, violations } = judge(bad);
  assert.equal(tail, 1);
  assert.ok(violations.includes("1 inputs have not come home"));
});

Deno.test("one that was never acknowledged comes home as well", () => {
  const bad = spoilt(evidence, ({ inputs, outputs }) => ({
    inputs: inputs.filter(({ id }) => id !== AWAY),
    outputs: outputs.filter(({ id }) => id !== AWAY),
  }));
  const sent = evidence.sent.map((each) =>
    each.id === AWAY ? { ...each, acknowledgedMs: null } : each
  );
  const { violations } = judge({ ...bad, sent });
  assert.match(
    violations.join("; "),
    /partition \d of the secondary has input/,
  );
});

const moved = (inputs: readonly Seen[], id: number): readonly Seen[] => {
  const one = inputs.find((each) => each.id === id)!;
  return [...inputs.filter((each) => each !== one), one];
};

Deno.test("an input that was replayed, and not mirrored before the switch, is found on either cluster", () => {
  const late = { ...secondary, inputs: moved(secondary.inputs, 30) };
  const early = { ...primary, inputs: moved(primary.inputs, AWAY) };
  for (
    const clusters of [{ primary, secondary: late }, {
      primary: early,
      secondary,
    }]
  ) {
    const { violations } = judge({ ...evidence, clusters });
    assert.match(violations.join("; "), /where the primary has/);
  }
});

Deno.test("an output that is repeated is found on either cluster", () => {
  fc.assert(fc.property(fc.nat(), (place) => {
    const at = place % secondary.outputs.length;
    const twice = { outputs: withAnother(secondary.outputs, at) };
    assert.deepEqual(judge(spoilt(evidence, () => twice)).violations, [
      "1 outputs are repeated",
    ]);
    const clusters = { primary, secondary: { ...secondary, ...twice } };
    assert.deepEqual(judge({ ...evidence, clusters }).violations, [
      "1 outputs are repeated on the secondary",
    ]);
  }));
});

Deno.test("an output of any of the three times that is missing is lost", () => {
  fc.assert(fc.property(fc.nat(), (place) => {
    const bad = spoilt(evidence, ({ outputs }) => ({
      outputs: without(outputs, place % outputs.length),
    }));
    assert.deepEqual(judge(bad).violations, ["1 outputs are lost"]);
  }));
});

Deno.test("a switch lasts from the last acknowledgement and output on one cluster to the first on the other", () => {
  fc.assert(fc.property(
    roundTrips,
    fc.nat(10_000),
    fc.nat(10_000),
    ({ after, away, before }, firstMs, secondMs) => {
      const good = broughtHome({ after, away, before });
      const later = (id: number) =>
        (id < before ? 0 : firstMs) + (id < before + away ? 0 : secondMs);
      const sent = good.sent.map((each) => ({
        ...each,
        acknowledgedMs: each.acknowledgedMs! + later(each.id),
      }));
      const outputs = good.clusters.primary.outputs.map((each) => ({
        ...each,
        writtenMs: each.writtenMs + later(each.id),
      }));
      const found = switchesIn({
        ...good,
        sent,
        clusters: {
          ...good.clusters,
          primary: { ...good.clusters.primary, outputs },
        },
      });
      assert.deepEqual(found.map(({ inputsMs }) => inputsMs), [
        1 + firstMs,
        1 + secondMs,
      ]);
      // One of four inputs has no output.
      for (const [at, { outputsMs }] of found.entries()) {
        const more = outputsMs! - found[at]!.inputsMs;
        assert.ok(more === 0 || more === 1, `${more}`);
      }
    },
  ));
});

Deno.test("a failover has one switch, and where nobody was moved there is none", () => {
  const { clusters, sent } = failedOver({
    before: 40,
    after: 20,
    tail: 5,
    ahead: 2,
  });
  assert.deepEqual(
    switchesIn({ active: "secondary", clusters, sent }).map(({ to }) => to),
    ["secondary"],
  );
  const stayed = sent.filter(({ cluster }) => cluster === "primary");
  assert.deepEqual(
    switchesIn({ active: "primary", clusters, sent: stayed }),
    [],
  );
});

Deno.test("where no output says what it comes from nobody knows how long outputs waited", () => {
  const outputs = primary.outputs.map((each) => ({ ...each, claim: null }));
  const clusters = { secondary, primary: { ...primary, outputs } };
  assert.deepEqual(
    switchesIn({ ...evidence, clusters }).map(({ outputsMs }) => outputsMs),
    [null, null],
  );
});
