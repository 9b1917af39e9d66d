/** Thousands of random histories of sentinels, pools and two clusters. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { SENTINEL_DEFAULTS } from "../../dr/sentinel/mod.ts";
import { type ClusterName, other } from "../../dr/state/types.ts";
import { sized } from "../support/soak.ts";
import {
  type Event,
  type Fault,
  ROUND_MS,
  SentinelWorld,
  type Story,
} from "./support_sentinel_world.ts";

const numRuns = sized(250, 20_000);
const HOLD_OFF_MS = 30_000;
const MOST_SENTINELS = 5;
const MOST_DELAY = 2;

const cluster = fc.constantFrom<ClusterName>("primary", "secondary");
const sentinel = fc.nat(MOST_SENTINELS - 1);

const clusterFault = cluster.map((cluster) => ({
  kind: "cluster" as const,
  cluster,
}));
const linkFault = fc.record({
  kind: fc.constant("link" as const),
  sentinel,
  cluster,
});
const crash = fc.record({ kind: fc.constant("crash" as const), sentinel });
const mirror = fc.record({ kind: fc.constant("mirror" as const) });

const faultsOf = (
  ...whats: fc.Arbitrary<Fault["what"]>[]
): fc.Arbitrary<Fault[]> =>
  fc.array(
    fc.record({
      what: fc.oneof(...whats),
      from: fc.nat(200),
      length: fc.integer({ min: 1, max: 120 }),
      on: fc.integer({ min: 1, max: 20 }),
      off: fc.constantFrom(0, 0, 0, 1, 2, 5, 12),
    }),
    { maxLength: 8 },
  );

const anyFaults = faultsOf(
  clusterFault,
  clusterFault,
  linkFault,
  crash,
  mirror,
);

/** @param changes of what each story has in common. */
const stories = (
  faults: fc.Arbitrary<Fault[]>,
  changes: Partial<Story> = {},
  leastSentinels = 1,
): fc.Arbitrary<Story> =>
  fc.record({
    delays: fc.array(fc.nat(MOST_DELAY), {
      minLength: leastSentinels,
      maxLength: MOST_SENTINELS,
    }),
    pools: fc.array(
      fc.record({
        alwaysProgresses: fc.constant(false),
        delay: fc.nat(MOST_DELAY),
      }),
      { maxLength: 2 },
    ),
    faults,
    failingMs: fc.constantFrom(5, 400),
    storeFails: fc.boolean(),
    phaseRounds: fc.integer({ min: 1, max: 4 }),
  }).map((story) => ({
    ...story,
    rounds: 240,
    policy: {
      ...SENTINEL_DEFAULTS,
      sentinels: story.delays.length,
      holdOffMs: HOLD_OFF_MS,
    },
    ...changes,
  }));

const majorityOf = (count: number) => Math.floor(count / 2) + 1;

function always(
  story: fc.Arbitrary<Story>,
  holds: (world: SentinelWorld, story: Story) => void,
): void {
  fc.assert(
    fc.property(story, (each) => holds(new SentinelWorld(each).run(), each)),
    { numRuns },
  );
}

/** Switches that the histories of a property have had: else it says little. */
function enough(switches: number): void {
  assert.ok(switches > numRuns / 20, `only ${switches} switches`);
}

Deno.test("a cluster is left when a majority has failed to reach it, for one that a majority has reached", () => {
  let count = 0;
  always(stories(anyFaults), (world, { delays }) => {
    const { voteFreshMs } = SENTINEL_DEFAULTS;
    const voteRounds = voteFreshMs / ROUND_MS + MOST_DELAY + 2;
    for (const { decision, from, round, sentinel } of world.switches) {
      count++;
      const stretch = (
        cluster: ClusterName,
        was: boolean,
        times: number,
        back: number,
      ) =>
        world.sentinels.map(({ saw }) =>
          hasRow(saw[cluster].slice(0, round + 1).slice(-back), was, times)
        );
      const needed = majorityOf(delays.length);
      const failed = stretch(from, false, 3, voteRounds + 4);
      const reached = stretch(other(from), true, 6, voteRounds + 6);
      assert.ok(failed.filter(Boolean).length >= needed, "too few failed");
      assert.ok(reached.filter(Boolean).length >= needed, "too few reached");
      const { saw } = world.sentinels[sentinel]!;
      assert.deepEqual([saw[from][round], saw[other(from)][round]], [
        false,
        true,
      ]);
      assert.equal(decision.kind === "fail-over" && decision.to, other(from));
    }
  });
  enough(count);
});

function hasRow(saw: readonly (boolean | null)[], was: boolean, times: number) {
  let row = 0;
  return saw.some((each) => (row = each === was ? row + 1 : 0) >= times);
}

Deno.test("bad links of a minority, and sentinels that crash, never lead to a failover", () => {
  const isMinority = (sentinel: number, count: number) =>
    sentinel < count - majorityOf(count);
  const story = stories(faultsOf(linkFault, linkFault, crash), {}, 3)
    .map((each) => ({
      ...each,
      faults: each.faults.filter(({ what }) =>
        what.kind !== "link" || isMinority(what.sentinel, each.delays.length)
      ),
    }));
  let refusals = 0;
  always(story, (world) => {
    assert.deepEqual(world.switches, []);
    refusals += world.events.filter(({ decision }) =>
      decision.kind === "refuse" && decision.because === "no-majority"
    ).length;
  });
  enough(refusals);
});

Deno.test("there is never a failover to a cluster that is down all the time", () => {
  const story = stories(anyFaults).map((each): Story => ({
    ...each,
    storeFails: false,
    faults: [...each.faults, outage("secondary", 0, each.rounds)],
  }));
  let refusals = 0;
  always(story, (world) => {
    assert.deepEqual(world.switches, []);
    refusals += world.events.length;
  });
  enough(refusals);
});

Deno.test("however clusters flap, two switches lie at least the hold-off apart, and each epoch has one decision at most", () => {
  const noise = faultsOf(clusterFault, linkFault);
  // First the one goes, then the other, among whatever else happens.
  const outages = fc.tuple(
    fc.integer({ min: 20, max: 60 }),
    fc.integer({ min: 10, max: 50 }),
    fc.integer({ min: 110, max: 170 }),
  ).map(([first, length, second]) => [
    outage("primary", first, length),
    outage("secondary", second, length),
  ]);
  const flapping = fc.tuple(noise, outages)
    .map(([some, others]) => [...some.slice(0, 3), ...others]);
  let second = 0;
  always(stories(flapping), ({ switches }) => {
    const apartMs = (at: number) =>
      (switches[at]!.round - switches[at - 1]!.round) * ROUND_MS;
    for (let at = 1; at < switches.length; at++) {
      second++;
      assert.ok(apartMs(at) >= HOLD_OFF_MS, `${apartMs(at)} ms`);
    }
    const epochs = switches.map(epochOf);
    assert.equal(new Set(epochs).size, epochs.length);
  });
  enough(second);
});

const outage = (
  cluster: ClusterName,
  from: number,
  length: number,
): Fault => ({
  what: { kind: "cluster", cluster },
  from,
  length,
  on: 1,
  off: 0,
});

const epochOf = ({ decision }: Event) =>
  decision.kind === "fail-over" ? decision.epoch : null;

Deno.test("an outage that a majority sees leads to a failover within 5 s, whatever the others do", () => {
  const killed = 60;
  const story = stories(faultsOf(linkFault, linkFault, crash))
    .map((each): Story => {
      const sound = majorityOf(each.delays.length);
      const isSound = ({ what }: Fault) =>
        "sentinel" in what && what.sentinel < sound;
      return {
        ...each,
        rounds: killed + 12,
        faults: [
          ...each.faults.filter((fault) => !isSound(fault)),
          outage("primary", killed, each.rounds),
        ],
      };
    });
  always(story, (world) => {
    const [first] = world.switches;
    assert.ok(first !== undefined, "no failover");
    assert.ok(first.round >= killed, "before the outage");
    assert.ok((first.round - killed) * ROUND_MS <= 5_000, `${first.round}`);
  });
});

Deno.test("while a pool settles records on the active cluster it is not left, whatever sentinels see", () => {
  const story = stories(anyFaults).map((each): Story => ({
    ...each,
    pools: [...each.pools, { alwaysProgresses: true, delay: 1 }],
  }));
  let vetoes = 0;
  always(story, (world) => {
    assert.deepEqual(world.switches, []);
    vetoes += world.events.filter(({ decision }) =>
      decision.kind === "refuse" && decision.because === "in-use"
    ).length;
  });
  enough(vetoes);
});

Deno.test("sentinels that only advise never switch, and do advise", () => {
  const story = stories(anyFaults).map((each): Story => ({
    ...each,
    policy: { ...each.policy, mode: "advise" },
  }));
  let advice = 0;
  always(story, (world) => {
    assert.equal(world.state.epoch, 1);
    assert.deepEqual(world.switches, []);
    advice += world.events.filter(({ decision }) => decision.kind === "advise")
      .length;
  });
  enough(advice);
});

Deno.test("a mirror that stands still for longer than may be lost forbids the failover", () => {
  const rpoMs = SENTINEL_DEFAULTS.rpoMs;
  const stands = rpoMs / ROUND_MS + 10;
  const story = stories(faultsOf(crash)).map((each): Story => ({
    ...each,
    rounds: stands + 60,
    faults: [
      ...each.faults,
      { ...outage("primary", 10, 1_000), what: { kind: "mirror" } },
      outage("primary", stands + 20, 1_000),
    ],
  }));
  let refusals = 0;
  always(story, (world) => {
    assert.deepEqual(world.switches, []);
    refusals += world.events.filter(({ decision }) =>
      decision.kind === "refuse" && decision.because === "beyond-rpo"
    ).length;
  });
  enough(refusals);
});
