import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeRanges, isWithin } from "../../src/pool/offset_ranges.ts";
import {
  isComplete,
  type OffsetTable,
  sampleCut,
  type SourceCluster,
} from "../../dr/cut/mod.ts";
import { CutWorld, GROUP } from "./support_cut_world.ts";

const CUTS = 5;
const MOST_STEPS = 20_000;
const never = new AbortController().signal;

/** Releases some cuts in a world of chance; what is wrong with one, or null. */
async function explore(
  seed: number,
  sourceOf: (world: CutWorld) => SourceCluster = (world) => world,
): Promise<string | null> {
  const world = new CutWorld(seed);
  for (let cuts = 0; cuts < CUTS; cuts++) {
    world.steps(60);
    const cut = await sampleCut(sourceOf(world), () => cuts, never);
    for (let left = MOST_STEPS; !isComplete(cut, world); left--) {
      assert.ok(left > 0, "a cut that is never complete");
      world.step();
    }
    const settled = new Map(
      cut.groups.get(GROUP)!.offsets.map((each) => [
        each.partition,
        { next: each.offset, beyond: decodeRanges(each.offset, each.metadata) },
      ]),
    );
    const isSettled = (partition: number, offset: number) => {
      const { next, beyond } = settled.get(partition) ??
        { next: 0, beyond: [] };
      return offset < next || isWithin(beyond, offset);
    };
    const missing = world.missing(isSettled);
    if (missing.length > 0) return `missing ${missing}`;
    const overlooked = world.overlooked(isSettled, cut);
    if (overlooked.length > 0) return `overlooked ${overlooked}`;
  }
  return null;
}

Deno.test("when a cut is released, all that its inputs caused is there, and S finds all that others caused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      assert.equal(await explore(seed), null);
    }),
    { numRuns: 400 },
  );
});

/** The same world, asked in a way that is wrong. */
const WRONG: Readonly<
  Record<
    string,
    {
      readonly expected: RegExp;
      readonly source: (world: CutWorld) => SourceCluster;
    }
  >
> = {
  "E is sampled before p": {
    expected: /^missing/,
    source: (world) => {
      let early: OffsetTable = new Map();
      return {
        ...asked(world),
        async groups() {
          early = await world.ends(await world.partitions());
          return await world.groups();
        },
        ends: () => Promise.resolve(early),
      };
    },
  },
  "E is the last stable offset": {
    expected: /^missing/,
    source: (world) => ({
      ...asked(world),
      ends: (partitions) => world.stableOffsets(partitions),
    }),
  },
  "E is asked of the partitions that S was asked of": {
    expected: /^missing/,
    source: (world) => {
      let known: ReturnType<CutWorld["partitions"]> | null = null;
      return {
        ...asked(world),
        partitions: () => known ??= world.partitions(),
      };
    },
  },
  "S is sampled after p": {
    expected: /^overlooked/,
    source: (world) => {
      let early: ReturnType<CutWorld["committed"]>;
      return {
        ...asked(world),
        stableOffsets(partitions) {
          early = world.committed();
          return world.stableOffsets(partitions);
        },
        committed: () => early,
      };
    },
  },
  "S is the high watermark": {
    expected: /^overlooked/,
    source: (world) => ({
      ...asked(world),
      stableOffsets: (partitions) => world.ends(partitions),
    }),
  },
  "p does not wait for pending offsets": {
    expected: /^overlooked/,
    source: (world) => ({
      ...asked(world),
      committed: () => world.committedWhen(false),
    }),
  },
};

for (const [name, { expected, source }] of Object.entries(WRONG)) {
  Deno.test(`it would not hold if ${name}`, async () => {
    let found: string | null = null;
    for (let seed = 0; seed < 3_000 && found === null; seed++) {
      const wrong = await explore(seed, source);
      if (wrong !== null && expected.test(wrong)) found = wrong;
    }
    assert.notEqual(found, null);
  });
}

function asked(world: CutWorld): SourceCluster {
  return {
    partitions: () => world.partitions(),
    stableOffsets: (partitions) => world.stableOffsets(partitions),
    ends: (partitions) => world.ends(partitions),
    groups: () => world.groups(),
    committed: () => world.committed(),
  };
}
