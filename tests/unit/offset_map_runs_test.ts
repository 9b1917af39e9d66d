import assert from "node:assert/strict";
import fc from "fast-check";
import { PartitionRuns, type Run } from "../../dr/offset_map/mod.ts";
import {
  type Pair,
  pairsOf,
  translated,
  translatedBack,
  wrongIn,
} from "./support_offset_model.ts";

const run = (upstream: number, downstream: number, length: number): Run => ({
  upstream,
  downstream,
  length,
});
const exact = (offset: number) => ({ offset, exact: true });
const gap = fc.nat(3);
const length = fc.integer({ min: 1, max: 5 });

/** Runs as compaction leaves gaps upstream, and markers downstream. */
const histories = fc.array(fc.tuple(gap, gap, length), { maxLength: 12 })
  .map((steps) => {
    let [upstream, downstream] = [0, 0];
    return steps.map(([skipped, markers, length]) => {
      const next = run(upstream + skipped, downstream + markers, length);
      upstream = next.upstream + length;
      downstream = next.downstream + length;
      return next;
    });
  });

Deno.test("every position is translated as I2 says, and back", () => {
  fc.assert(fc.property(histories, (history) => {
    const runs = PartitionRuns.of(history);
    const pairs = pairsOf(history);
    if (pairs.length === 0) return;
    for (let at = 0; at <= runs.end.upstream + 3; at++) {
      assert.deepEqual(runs.translate(at), exact(translated(pairs, at)!));
    }
    for (let at = 0; at <= runs.end.downstream + 3; at++) {
      assert.deepEqual(runs.back(at), exact(translatedBack(pairs, at)!));
    }
  }));
});

Deno.test("there and back and there again is the same place", () => {
  fc.assert(fc.property(histories, fc.nat(100), (history, at) => {
    const runs = PartitionRuns.of(history);
    const there = runs.translate(at).offset;
    const back = runs.back(there).offset;
    assert.equal(runs.translate(back).offset, there);
  }));
});

Deno.test("there is one run for each stretch without a gap on either side", () => {
  fc.assert(fc.property(histories, (history) => {
    const runs = PartitionRuns.of(history);
    const pairs = pairsOf(history);
    const stretches = pairs.filter(({ upstream, downstream }, at) =>
      at === 0 || upstream !== pairs[at - 1]!.upstream + 1 ||
      downstream !== pairs[at - 1]!.downstream + 1
    );
    assert.equal(runs.count, stretches.length);
    assert.deepEqual(pairsOf(runs), pairs);
    assert.ok(runs.byteLength <= Math.max(48, runs.count * 48));
  }));
});

Deno.test("where nothing was mirrored the answer is 0, and not exact", () => {
  const nothing = { offset: 0, exact: false, why: "nothing-mirrored" };
  assert.deepEqual(new PartitionRuns().translate(7), nothing);
  assert.deepEqual(new PartitionRuns().back(7), nothing);
});

Deno.test("below a trimmed beginning the answer is 0, and not exact", () => {
  const runs = PartitionRuns.of([
    run(0, 5, 5),
    run(10, 11, 10),
    run(20, 22, 10),
  ]);
  assert.deepEqual(runs.translate(3), exact(8));
  runs.trimBelow(25);
  assert.deepEqual([...runs], [run(25, 27, 0), run(25, 27, 5)]);
  assert.deepEqual(runs.translate(25), exact(27));
  const below = { offset: 0, exact: false, why: "below-known" };
  assert.deepEqual(runs.translate(24), below);
  assert.deepEqual(runs.translate(3), below);
  assert.deepEqual(runs.back(26), below);
});

Deno.test("what was mirrored without runs is known at its ends alone", () => {
  const runs = PartitionRuns.of([
    run(0, 0, 10),
    run(500, 400, 0),
    run(500, 402, 5),
  ]);
  const within = { offset: 10, exact: false, why: "not-known" };
  assert.deepEqual(runs.translate(10), exact(10));
  assert.deepEqual(runs.translate(11), within);
  assert.deepEqual(runs.translate(499), within);
  assert.deepEqual(runs.translate(500), exact(400));
  assert.deepEqual(runs.translate(501), exact(403));
  assert.deepEqual(runs.back(399), within);
  assert.deepEqual(runs.back(401), exact(500));
});

Deno.test("a mark below which nothing can be unknown is left out", () => {
  const known = [run(10, 10, 5)];
  for (const mark of [run(15, 15, 0), run(15, 18, 0), run(18, 15, 0)]) {
    assert.deepEqual([...PartitionRuns.of([...known, mark])], known);
  }
  assert.deepEqual([...PartitionRuns.of([run(7, 0, 0)])], []);
});

Deno.test("a mark at the source's beginning says where the copies begin in a target that has other records", () => {
  const runs = PartitionRuns.of([run(0, 7, 0)]);
  for (const at of [0, 5]) assert.deepEqual(runs.translate(at), exact(7));
  assert.deepEqual(runs.back(7), exact(0));
  assert.equal(runs.back(6).exact, false);
  runs.append(run(3, 9, 2));
  assert.deepEqual(runs.translate(2), exact(7));
  assert.deepEqual(runs.translate(4), exact(10));
});

Deno.test("a run that lies before the end, or is none, is refused and changes nothing", () => {
  const runs = PartitionRuns.of([run(10, 10, 5)]);
  for (
    const bad of [
      run(14, 20, 1),
      run(20, 14, 1),
      run(20, 20, -1),
      run(20, 20, 0.5),
      run(NaN, 20, 1),
      run(20, Infinity, 1),
      run(2 ** 53, 20, 1),
    ]
  ) {
    assert.throws(() => runs.append(bad), RangeError, JSON.stringify(bad));
  }
  assert.deepEqual([...runs], [run(10, 10, 5)]);
});

type Step =
  | { readonly kind: "mirror" | "hide"; readonly gaps: Gaps }
  | { readonly kind: "trim"; readonly share: number }
  | { readonly kind: "cut"; readonly share: number; readonly gaps: Gaps };
type Gaps = readonly [upstream: number, downstream: number, length: number];

const gaps = fc.tuple(gap, gap, length);
const share = fc.integer({ min: 0, max: 110 }).map((percent) => percent / 100);
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("mirror"), gaps }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("hide"), gaps }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("trim"), share }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("cut"), share, gaps }),
    },
  ) as fc.Arbitrary<Step>,
  { maxLength: 20 },
);

/** What a partition went through, and which positions must be exact. */
class World {
  readonly runs = new PartitionRuns();
  pairs: Pair[] = [];
  end = { upstream: 0, downstream: 0 };
  /** Positions strictly between the two of which nothing is known. */
  unknown: { from: number; to: number }[] = [];
  trimmed = 0;

  take(step: Step): void {
    switch (step.kind) {
      case "mirror":
        return this.runs.append(this.#mirror(step.gaps));
      case "hide": {
        // A real MirrorMaker 2 copies, and then it is our turn again.
        const from = this.runs.count === 0 ? -1 : this.runs.end.upstream;
        const [upstream, downstream, length] = step.gaps;
        this.#mirror(step.gaps);
        if (length > 2) this.#mirror([downstream, upstream, 2]);
        this.end.upstream += downstream;
        this.end.downstream += upstream;
        this.unknown.push({ from, to: this.end.upstream });
        return this.runs.append({ ...this.end, length: 0 });
      }
      case "trim": {
        const at = Math.floor(this.end.upstream * step.share);
        this.trimmed = Math.max(this.trimmed, at);
        return this.runs.trimBelow(at);
      }
      case "cut": {
        // The source lost its end, and its offsets go to other records.
        const at = Math.floor(this.end.upstream * Math.min(1, step.share));
        this.pairs = this.pairs.filter(({ upstream }) => upstream < at);
        this.unknown = this.unknown.filter(({ from }) => from < at)
          .map(({ from, to }) => ({ from, to: Math.min(to, at) }));
        this.end.upstream = at;
        const [, markers, length] = step.gaps;
        return this.runs.continueWith(this.#mirror([0, markers, length]));
      }
    }
  }

  #mirror([upstream, downstream, length]: Gaps): Run {
    const next = run(
      this.end.upstream + upstream,
      this.end.downstream + downstream,
      length,
    );
    this.pairs.push(...pairsOf([next]));
    this.end = {
      upstream: next.upstream + length,
      downstream: next.downstream + length,
    };
    return next;
  }

  isKnown(upstream: number): boolean {
    return upstream >= this.trimmed &&
      !this.unknown.some(({ from, to }) => from < upstream && upstream < to);
  }
}

Deno.test("whatever a partition goes through, no answer skips a record, and those that can be exact are", () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const world = new World();
      for (const step of steps) {
        world.take(step);
        const { end, pairs, runs } = world;
        const flipped = pairs.map(({ upstream, downstream }) => ({
          upstream: downstream,
          downstream: upstream,
        }));
        for (let at = 0; at <= end.upstream + 2; at++) {
          const mustBeExact = runs.count > 0 && world.isKnown(at);
          const wrong = wrongIn(runs.translate(at), pairs, at, mustBeExact);
          assert.equal(wrong, null, `translate(${at})`);
        }
        for (let at = 0; at <= end.downstream + 2; at++) {
          const wrong = wrongIn(runs.back(at), flipped, at, false);
          assert.equal(wrong, null, `back(${at})`);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a copy is another one", () => {
  for (const known of [[], [run(0, 0, 5)], [run(0, 0, 5), run(7, 9, 5)]]) {
    const runs = PartitionRuns.of(known);
    const copy = runs.copy();
    copy.append(run(20, 20, 5));
    copy.append(run(30, 30, 5));
    assert.deepEqual([...runs], known);
    assert.deepEqual([...copy], [...known, run(20, 20, 5), run(30, 30, 5)]);
  }
});

Deno.test("trimming gives memory back", () => {
  const runs = new PartitionRuns();
  for (let at = 0; at < 1000; at++) runs.append(run(at * 5, at * 6, 5));
  const before = runs.byteLength;
  runs.trimBelow(990 * 5);
  assert.equal(runs.count, 11);
  assert.ok(runs.byteLength * 4 <= before);
  assert.deepEqual(runs.translate(4997), exact(999 * 6 + 2));
});
