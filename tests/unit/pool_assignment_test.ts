import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { balance, type Placed } from "../../src/pool/assignment.ts";

fc.configureGlobal({ numRuns: 300 });

/** As `assignment.ts` promises: a third of the weight is shared evenly. */
const COUNT_SHARE = 0.3;
const TOLERANCE = 0.2;
const NOISE = 1e-9;

const load = fc.oneof(
  fc.constant(0),
  fc.constant(100),
  fc.integer({ min: 0, max: 1000 }),
  fc.integer({ min: 0, max: 100_000_000 }),
);
const workers = fc.uniqueArray(fc.integer({ min: 0, max: 15 }), {
  minLength: 1,
  maxLength: 12,
});
/** Owners may be nobody, or a worker that is gone. */
const partitions = fc.array(
  fc.tuple(load, fc.option(fc.integer({ min: 0, max: 15 }))),
  { maxLength: 60 },
).map((each): Placed[] =>
  each.map(([load, owner], index) => ({ id: `in-${index}`, load, owner }))
);

const ownedBy = (
  placed: readonly Placed[],
  result: ReadonlyMap<string, number>,
): Placed[] => placed.map((each) => ({ ...each, owner: result.get(each.id)! }));

const moved = (placed: readonly Placed[], result: Map<string, number>) =>
  placed.filter((each) => result.get(each.id) !== each.owner);

interface Carried {
  readonly worker: number;
  readonly total: number;
  /** Weight of its lightest partition. */
  readonly crumb: number;
}

/** What each worker carries, the heaviest first; all together 1. */
function weigh(ids: readonly number[], placed: readonly Placed[]): Carried[] {
  const load = placed.reduce((sum, each) => sum + each.load, 0);
  const weight = (each: Placed) =>
    load === 0
      ? 1 / placed.length
      : COUNT_SHARE / placed.length + (1 - COUNT_SHARE) * each.load / load;
  return ids.map((worker) => {
    const weights = placed.filter((each) => each.owner === worker).map(weight);
    return {
      worker,
      total: weights.reduce((sum, each) => sum + each, 0),
      crumb: Math.min(...weights),
    };
  }).sort((a, b) => b.total - a.total);
}

const gapOf = (carried: readonly Carried[]) =>
  carried[0]!.total - carried.at(-1)!.total;

const squaresOf = (carried: readonly Carried[]) =>
  carried.reduce((sum, { total }) => sum + total * total, 0);

const countsOf = (result: ReadonlyMap<string, number>, ids: Iterable<number>) =>
  [...ids].map((id) => [...result.values()].filter((each) => each === id))
    .map((each) => each.length);

const even = (count: number, owner: (index: number) => number | null) =>
  Array.from({ length: count }, (_, index): Placed => ({
    id: `in-${index}`,
    load: 100,
    owner: owner(index),
  }));

const range = (count: number) =>
  Array.from({ length: count }, (_, index) => index);

Deno.test("every partition is given to one of the workers, and nothing else is", () => {
  fc.assert(fc.property(workers, partitions, (ids, placed) => {
    const result = balance(ids, placed);
    assert.deepEqual(
      [...result.keys()].sort(),
      placed.map((each) => each.id).sort(),
    );
    for (const worker of result.values()) assert.ok(ids.includes(worker));
  }));
});

Deno.test("without workers nothing is given to anybody", () => {
  assert.equal(balance([], even(3, () => 1)).size, 0);
});

Deno.test("the same question has the same answer, in whatever order partitions are named", () => {
  const shuffled = fc.tuple(workers, partitions).chain(([ids, placed]) => {
    const homeless = placed.map((each) => ({ ...each, owner: null }));
    return fc.tuple(
      fc.constant(ids),
      fc.constant(homeless),
      fc.shuffledSubarray(homeless, { minLength: homeless.length }),
    );
  });
  fc.assert(fc.property(shuffled, ([ids, placed, again]) => {
    const sorted = (result: Map<string, number>) => [...result].sort();
    assert.deepEqual(
      sorted(balance(ids, again)),
      sorted(balance(ids, placed)),
    );
  }));
});

Deno.test("what has been balanced stays where it is", () => {
  fc.assert(fc.property(workers, partitions, (ids, placed) => {
    const settled = ownedBy(placed, balance(ids, placed));
    // A gap of just the tolerance may be read either way.
    for (let carried = weigh(ids, settled); carried.length > 0;) {
      fc.pre(Math.abs(gapOf(carried) - TOLERANCE / ids.length) > NOISE);
      carried = carried.slice(1);
    }
    assert.deepEqual(moved(settled, balance(ids, settled)), []);
  }));
});

Deno.test("owners within the tolerance keep what they have", () => {
  fc.assert(fc.property(workers, partitions, (ids, placed) => {
    fc.pre(placed.length > 0);
    const owned = placed.map((each, index) => ({
      ...each,
      owner: ids[index % ids.length]!,
    }));
    fc.pre(gapOf(weigh(ids, owned)) < TOLERANCE / ids.length - NOISE);
    assert.deepEqual(moved(owned, balance(ids, owned)), []);
  }));
});

Deno.test("partitions move only where that makes the heaviest lighter and the whole more even", () => {
  fc.assert(fc.property(workers, partitions, (ids, placed) => {
    fc.pre(placed.length > 0);
    const owned = placed.map((each) => ({
      ...each,
      owner: ids[(each.owner ?? 0) % ids.length]!,
    }));
    const result = balance(ids, owned);
    const before = weigh(ids, owned);
    const after = weigh(ids, ownedBy(owned, result));
    assert.ok(after[0]!.total <= before[0]!.total + NOISE);
    assert.ok(after.at(-1)!.total >= before.at(-1)!.total - NOISE);
    if (moved(owned, result).length > 0) {
      assert.ok(squaresOf(after) < squaresOf(before));
    }
  }));
});

Deno.test("workers differ by the tolerance at most, but for those that have nothing light enough to give", () => {
  fc.assert(fc.property(workers, partitions, (ids, placed) => {
    fc.pre(placed.length > 0);
    let carried = weigh(ids, ownedBy(placed, balance(ids, placed)));
    while (gapOf(carried) > TOLERANCE / ids.length + NOISE) {
      // Giving it away would only turn the gap round.
      assert.ok(carried[0]!.crumb >= gapOf(carried) - NOISE);
      carried = carried.slice(1);
    }
  }));
});

Deno.test("partitions of equal load, or of none, are spread by their number", () => {
  const load = fc.constantFrom(0, 1, 5000);
  fc.assert(fc.property(workers, partitions, load, (ids, placed, load) => {
    const equal = placed.map((each) => ({ ...each, load }));
    const counts = countsOf(balance(ids, equal), ids);
    const apart = Math.max(...counts) - Math.min(...counts);
    const tolerated = TOLERANCE * placed.length / ids.length;
    assert.ok(apart <= Math.max(1, tolerated + NOISE));
  }));
});

Deno.test("new partitions of equal load are spread to within one", () => {
  const count = fc.integer({ min: 0, max: 300 });
  fc.assert(fc.property(workers, count, (ids, count) => {
    const counts = countsOf(balance(ids, even(count, () => null)), ids);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
  }));
});

Deno.test("a partition that carries nearly all of the load is left alone with its worker", () => {
  const placed = even(13, () => 0).map((each, index) => ({
    ...each,
    load: index === 4 ? 100_000 : 1,
  }));
  const result = balance([0, 1, 2, 3], placed);
  const hot = result.get("in-4")!;
  const counts = countsOf(result, range(4));
  assert.equal(counts[hot], 1);
  // The other twelve, as evenly as the tolerance asks for.
  const others = counts.filter((_, id) => id !== hot).sort();
  assert.deepEqual(others, [3, 4, 5]);
});

Deno.test("idle partitions count as well, so that no worker gets them all", () => {
  const placed = even(44, () => null).map((each, index) => ({
    ...each,
    load: index < 4 ? 1000 : 0,
  }));
  const result = balance([0, 1, 2, 3], placed);
  const busy = range(4).map((index) => result.get(`in-${index}`));
  assert.deepEqual(busy.sort(), [0, 1, 2, 3]);
  assert.deepEqual(countsOf(result, range(4)), [11, 11, 11, 11]);
});

Deno.test("a worker that joins is given its share and nothing else moves", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 16 }),
    fc.integer({ min: 1, max: 200 }),
    (count, size) => {
      const placed = even(size, (index) => index % count);
      const result = balance(range(count + 1), placed);
      const moves = moved(placed, result);
      for (const each of moves) assert.equal(result.get(each.id), count);
      assert.ok(moves.length <= Math.ceil(size / (count + 1)));
    },
  ));
});

Deno.test("a worker that leaves has its partitions spread and nothing else moves", () => {
  fc.assert(fc.property(
    fc.integer({ min: 2, max: 16 }),
    fc.integer({ min: 1, max: 200 }),
    fc.nat(),
    (count, size, seed) => {
      const gone = seed % count;
      const placed = even(size, (index) => index % count);
      const left = range(count).filter((id) => id !== gone);
      const result = balance(left, placed);
      for (const each of moved(placed, result)) assert.equal(each.owner, gone);
      const counts = countsOf(result, left);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
    },
  ));
});

Deno.test("partitions that the group adds leave those that are there in place", () => {
  const old = even(9, (index) => index % 3);
  const added = even(13, () => null).slice(9);
  const result = balance([0, 1, 2], [...old, ...added]);
  assert.deepEqual(moved(old, result), []);
  assert.deepEqual(countsOf(result, [0, 1, 2]).sort(), [4, 4, 5]);
});

Deno.test("10,000 partitions come from one worker to 64 in a few looks at each worker", async () => {
  const [partitions, workers] = [10_000, 64];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--v8-flags=--no-opt,--no-maglev",
      fileURLToPath(new URL("./support_assignment_steps.ts", import.meta.url)),
      String(partitions),
      String(workers),
    ],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const steps = Number(new TextDecoder().decode(stdout));
  assert.ok(steps > partitions * workers, "this must be counted");
  assert.ok(steps < 10 * partitions * workers, `${steps} steps`);
});
