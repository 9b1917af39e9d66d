import assert from "node:assert/strict";
import { groupsBehind, unreleased } from "../../dr/failback/group_positions.ts";
import { FailbackError } from "../../dr/failback/errors.ts";
import { switchBack, type SwitchParts } from "../../dr/failback/switch_back.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
} from "../../dr/offset_map/mod.ts";
import { giveUp } from "../../dr/failback/give_up.ts";
import type { Decide, DrState, Phase } from "../../dr/state/mod.ts";
import { FAILED_OVER } from "./support_failback_world.ts";

const { signal } = new AbortController();

/** Mirrored back from 100 on; 110 to 119 were replayed. */
function mapBack(): OffsetMap {
  const map = new OffsetMap();
  map.apply(
    0,
    decodeLaneRecord(encodeDelta(2, [{
      topic: "t",
      topicId: "AAAAAAAAAAAAAAAAAAAAAA",
      partition: 0,
      position: 130,
      leaderEpoch: null,
      runs: [
        { upstream: 100, downstream: 500, length: 0 },
        { upstream: 100, downstream: 501, length: 10 },
        { upstream: 120, downstream: 512, length: 10 },
      ],
    }])),
  );
  return map;
}

const REPLAYED = new Map([["t-0", [110, 120]]]);
const at = (offset: number) => new Map([["g", new Map([["t-0", offset]])]]);

Deno.test("a group is behind until it has read what was replayed, and all below what is mirrored back", () => {
  const behind = (offset: number) =>
    groupsBehind(at(offset), mapBack(), REPLAYED).length > 0;
  assert.deepEqual(
    [50, 100, 115, 119, 120, 130].map(behind),
    [true, true, true, true, false, false],
  );
  assert.deepEqual(groupsBehind(at(99), mapBack(), new Map()), [
    "group g has yet to read t [0]",
  ]);
  assert.deepEqual(groupsBehind(at(100), mapBack(), new Map()), []);
  const again = new Map([["t-0", 125]]);
  assert.deepEqual(
    [124, 125].map((offset) =>
      groupsBehind(at(offset), mapBack(), REPLAYED, again).length
    ),
    [1, 0],
    "what is left out because pools have made it again must be read as well",
  );
  assert.deepEqual(groupsBehind(new Map(), mapBack(), REPLAYED), []);
});

Deno.test("a position is released once the primary has it at the same record", () => {
  const left = (there: number) => unreleased(at(125), at(there), mapBack());
  const missing = ["group g in t [0]"];
  assert.deepEqual(left(516), missing);
  assert.deepEqual(left(517), []);
  assert.deepEqual(unreleased(at(125), new Map(), mapBack()), missing);
});

class World {
  state: DrState;
  readonly calls: string[] = [];
  behind: string[] = [];
  strangers: string[] = [];
  /** Null: nobody is kept away. */
  principals: string[] | null = null;
  /** The call that fails. */
  failAt = "";
  /** The call at which the process ends. */
  crashAt = "";

  constructor(phase: Phase) {
    this.state = { ...FAILED_OVER, phase };
  }

  run(isForced = false): Promise<DrState> {
    return switchBack(this.#parts(), { reason: "test", isForced }, signal);
  }

  #parts(): SwitchParts {
    const call = <T>(name: string, value: T) => {
      this.calls.push(name);
      if (this.crashAt === name) throw new Error("crashed");
      if (this.failAt === name) throw new Error("the primary is lost");
      return Promise.resolve(value);
    };
    const change = async (decide: Decide) => {
      const proposal = (await decide(this.state))!;
      const epoch = this.state.epoch + 1;
      this.state = { ...this.state, ...proposal, epoch };
      this.calls.push(this.state.phase);
      const copied = Promise.resolve(null);
      return { kind: "changed", state: this.state, copied } as const;
    };
    const latest = () => Promise.resolve(this.state);
    return {
      newest: latest,
      latest,
      change,
      behind: () => call("behind", this.behind),
      strangers: () => call("strangers", this.strangers),
      expectMirrored: () => call("mirrored", undefined),
      untilAllIdle: () => call("idle", undefined),
      untilQuiet: () => call("quiet", undefined),
      untilReleased: () => call("released", 1),
      promote: ({ epoch }) => {
        assert.equal(epoch, this.state.epoch);
        return call("promote", this.state);
      },
      whileAlive: (work, its) => work(its),
      fence: this.principals === null ? null : {
        principals: this.principals,
        obstacle: () => Promise.resolve(null),
        deny: () => call("deny", undefined),
        allow: () => assert.fail("it was not given up by others"),
      },
      giveUp: (why, epoch) => {
        if (this.crashAt !== "") throw new Error("crashed");
        return giveUp(
          {
            change,
            latest,
            expectPrimary: () => call("expect the primary", undefined),
            endReplay: () => call("end replay", undefined),
            keepDone: () => call("keep done", undefined),
            allow: (active) => call(`allow ${active}`, []),
          },
          { why, epoch },
          signal,
        );
      },
      now: () => 0,
      onStep: () => {},
    };
  }
}

Deno.test("a switch lets pools rest, the mirror end and positions come before anything is fenced", async () => {
  const world = new World("catching-up");
  await world.run();
  assert.deepEqual(world.calls, [
    "behind",
    "strangers",
    "mirrored",
    "draining",
    "idle",
    "quiet",
    "released",
    "fencing",
    "promote",
  ]);
});

Deno.test("a switch that was broken off goes on where the state says it was", async () => {
  for (const crashAt of ["idle", "quiet", "released", "promote"]) {
    const world = new World("catching-up");
    world.crashAt = crashAt;
    await assert.rejects(world.run(), /crashed/);
    world.crashAt = "";
    world.calls.length = 0;
    await world.run();
    assert.deepEqual(
      world.calls,
      crashAt === "promote"
        ? ["fencing", "promote"]
        : ["draining", "idle", "quiet", "released", "fencing", "promote"],
    );
  }
});

Deno.test("groups that are behind are left by force alone, and nothing has changed before", async () => {
  const world = new World("catching-up");
  world.behind = ["group g has yet to read t [0]"];
  await assert.rejects(
    world.run(),
    (error) => error instanceof FailbackError && error.kind === "refused",
  );
  assert.deepEqual(world.calls, ["behind"]);
  await world.run(true);
  assert.ok(world.calls.includes("promote"));
});

Deno.test("nothing is switched before the mirror back has caught up once", async () => {
  for (const phase of ["steady", "recovering", "reversing"] as const) {
    const world = new World(phase);
    await assert.rejects(world.run(), /has not caught up/);
    assert.deepEqual(world.calls, []);
  }
});

Deno.test("members that do not leave by themselves are told of before anybody rests", async () => {
  const world = new World("catching-up");
  world.strangers = ["group g has members"];
  await assert.rejects(
    world.run(),
    (error) => error instanceof FailbackError && error.kind === "refused",
  );
  assert.deepEqual(world.calls, ["behind", "strangers"]);
  assert.equal(world.state.phase, "catching-up");
});

Deno.test("a switch that cannot go on is given up, and the secondary is worked on again", async () => {
  for (const failAt of ["idle", "quiet", "released", "promote"]) {
    const world = new World("catching-up");
    const { era } = world.state;
    world.failAt = failAt;
    await assert.rejects(world.run(), /primary is lost\. So it was given up/);
    const { state } = world;
    assert.deepEqual([state.active, state.phase], ["secondary", "catching-up"]);
    // Behind a seal only another era can be mirrored in.
    assert.equal(state.era, failAt === "promote" ? era + 1 : era);
    assert.equal(world.calls.includes("keep done"), failAt === "promote");
    world.failAt = "";
    await world.run();
  }
});

Deno.test("where giving up fails, too, that is said with what to do", async () => {
  const world = new World("catching-up");
  world.crashAt = "quiet";
  await assert.rejects(world.run(), /could not be given up.*--cancel/);
});

Deno.test("clients are kept from the secondary before groups are waited for, and let back where that is given up", async () => {
  const world = new World("catching-up");
  world.principals = ["User:alice"];
  world.failAt = "quiet";
  await assert.rejects(world.run(), /primary is lost\. So it was given up/);
  assert.deepEqual(world.calls.slice(0, 5), [
    "behind",
    "mirrored",
    "draining",
    "deny",
    "idle",
  ]);
  assert.deepEqual(world.calls.slice(-2), ["allow secondary", "catching-up"]);
  world.failAt = "";
  world.calls.length = 0;
  await world.run();
  assert.ok(!world.calls.includes("allow secondary"));
});
