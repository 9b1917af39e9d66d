import assert from "node:assert/strict";
import { FailbackError } from "../../dr/failback/errors.ts";
import { giveUp } from "../../dr/failback/give_up.ts";
import {
  switchOver,
  type SwitchOverParts,
} from "../../dr/failback/switch_over.ts";
import { failOver } from "../../dr/failover/fail_over.ts";
import {
  type Decide,
  type DrState,
  OvertakenError,
} from "../../dr/state/mod.ts";
import { STEADY } from "./support_failover_world.ts";

const { signal } = new AbortController();

class World {
  state: DrState | null = STEADY;
  lanes: number | null = 2;
  strangers: string[] = [];
  /** What drain of the failover finds. */
  problem: string | null = null;
  readonly calls: string[] = [];
  /** Null: nobody is kept away. */
  principals: string[] | null = null;
  obstacle: string | null = null;
  /** At which call something happens. */
  at = "";
  happens: () => void = () => {};

  run = () => switchOver(this.#parts(), "test", signal);

  /** What a failover of another does meanwhile. */
  overtake(changes: Partial<DrState>): void {
    const { epoch } = this.state!;
    this.state = { ...this.state!, ...changes, epoch: epoch + 1 };
  }

  #parts(): SwitchOverParts {
    const call = <T>(name: string, value: T) => {
      this.calls.push(name);
      if (this.at === name) this.happens();
      return Promise.resolve(value);
    };
    const change = async (decide: Decide) => {
      const proposal = await decide(this.state);
      if (proposal === null) {
        return { kind: "unchanged", state: this.state } as const;
      }
      const epoch = (this.state?.epoch ?? 0) + 1;
      const state = { sinceMs: 0, ...proposal, epoch };
      this.state = state;
      this.calls.push(`${state.active} ${state.phase} ${state.era}`);
      const copied = Promise.resolve(null);
      return { kind: "changed", state, copied } as const;
    };
    const common = {
      change,
      latest: () => Promise.resolve(this.state),
      lanes: () => Promise.resolve(this.lanes),
      now: () => 0,
      onStep: () => {},
    };
    return {
      ...common,
      newest: common.latest,
      strangers: () => call("strangers", this.strangers),
      expectMirrored: () => call("mirrored", undefined),
      untilAllIdle: () => call("idle", undefined),
      untilQuiet: () => call("quiet", undefined),
      untilReleased: () => call("released", 1),
      whileAlive: (work, its) => work(its),
      fence: this.principals === null ? null : {
        principals: this.principals,
        obstacle: () => Promise.resolve(this.obstacle),
        deny: () => call("deny", undefined),
        allow: () => call("allow back", []),
      },
      promote: ({ epoch, onClaimed, reason }) =>
        failOver(
          {
            ...common,
            seal: () => call("seal", undefined),
            drain: () =>
              call("drain", { partitions: 1, problem: this.problem }),
            outputs: () =>
              call("outputs", { done: 0, tail: 0, detail: "", problem: null }),
            allow: () => Promise.resolve({ principals: [], problem: null }),
          },
          { to: "secondary", isPlanned: true, epoch, onClaimed, reason },
          signal,
        ),
      giveUp: (why, epoch) =>
        giveUp(
          {
            ...common,
            expectPrimary: () => Promise.resolve(),
            endReplay: () => assert.fail("nothing is replayed"),
            keepDone: (active, era) =>
              call(`keep done ${active} ${era}`, undefined),
            allow: (active) => call(`allow ${active}`, []),
          },
          { why, epoch },
          signal,
        ),
    };
  }
}

Deno.test("all rest and the mirror comes to the end before a planned switch goes on as a failover does", async () => {
  const world = new World();
  const outcome = await world.run();
  assert.equal(outcome.kind, "promoted");
  assert.deepEqual(world.calls, [
    "strangers",
    "mirrored",
    "primary draining 0",
    "idle",
    "quiet",
    "released",
    "primary fencing 0",
    "seal",
    "drain",
    "outputs",
    "secondary steady 1",
  ]);
});

Deno.test("without a mirror, or with members that do not leave, nobody rests", async () => {
  for (const [lanes, strangers] of [[null, []], [2, ["group g"]]] as const) {
    const world = new World();
    world.lanes = lanes;
    world.strangers = [...strangers];
    await assert.rejects(
      world.run(),
      (error) => error instanceof FailbackError && error.kind === "refused",
    );
    assert.equal(world.state, STEADY);
  }
});

Deno.test("where somebody goes on writing the primary is worked on again", async () => {
  const world = new World();
  world.at = "quiet";
  world.happens = () => {
    throw new FailbackError("failed", "somebody goes on writing");
  };
  await assert.rejects(world.run(), /goes on writing\. So it was given up/);
  const { active, era, phase } = world.state!;
  assert.deepEqual([active, phase, era], ["primary", "steady", 0]);
  world.at = "";
  assert.equal((await world.run()).kind, "promoted");
});

Deno.test("what a failover would put up with fails a planned switch, and lanes that are sealed begin an era anew", async () => {
  const world = new World();
  world.problem = "t [0] cannot be read to the end";
  await assert.rejects(world.run(), /t \[0\].*given up/);
  const { active, era, phase } = world.state!;
  assert.deepEqual([active, phase, era], ["primary", "steady", 1]);
  assert.ok(world.calls.includes("keep done primary 1"));
});

Deno.test("a failover that takes it over, since the primary was lost, is left alone", async () => {
  for (const at of ["idle", "released", "seal"]) {
    const world = new World();
    world.at = at;
    world.happens = () => {
      world.at = "";
      world.overtake({ phase: "fencing" });
      throw new Error("the primary is lost");
    };
    await assert.rejects(
      world.run(),
      (error) => error instanceof OvertakenError,
      at,
    );
    assert.deepEqual(
      [world.state!.active, world.state!.phase],
      ["primary", "fencing"],
    );
  }
});

Deno.test("what was broken off while all rested goes on with the rest", async () => {
  const world = new World();
  world.state = { ...STEADY, phase: "draining" };
  assert.equal((await world.run()).kind, "promoted");
  assert.deepEqual(world.calls.slice(0, 2), ["primary draining 0", "idle"]);
  assert.equal((await world.run()).kind, "already");
});

Deno.test("clients are kept away once the state says that the primary is left, and before groups are waited for; who is a member does not matter then", async () => {
  const world = new World();
  world.principals = ["User:alice"];
  world.strangers = ["group g"];
  assert.equal((await world.run()).kind, "promoted");
  assert.deepEqual(world.calls.slice(0, 4), [
    "mirrored",
    "primary draining 0",
    "deny",
    "idle",
  ]);
  assert.ok(!world.calls.some((call) => call.startsWith("allow")));
});

Deno.test("where nobody can be kept away nothing is begun", async () => {
  const world = new World();
  world.principals = ["User:alice"];
  world.obstacle = "the primary has no authorizer";
  await assert.rejects(
    world.run(),
    (error) =>
      error instanceof FailbackError && error.kind === "refused" &&
      error.message === world.obstacle,
  );
  assert.equal(world.state, STEADY);
});

Deno.test("who was kept away is let back where the switch is given up, and not where a failover has taken it over", async () => {
  const world = new World();
  world.principals = ["User:alice"];
  world.at = "idle";
  world.happens = () => {
    throw new Error("they stay");
  };
  await assert.rejects(world.run(), /they stay\. So it was given up/);
  assert.equal(
    world.calls.filter((call) => call === "allow primary").length,
    1,
  );

  world.calls.length = 0;
  world.happens = () => {
    world.overtake({ phase: "fencing" });
    throw new Error("the primary is lost");
  };
  await assert.rejects(world.run(), OvertakenError);
  assert.ok(!world.calls.some((call) => call.startsWith("allow")));
});

Deno.test("who was kept away after others had given the switch up is let back at once", async () => {
  const world = new World();
  world.principals = ["User:alice"];
  world.at = "deny";
  world.happens = () => world.overtake({ phase: "steady" });
  await assert.rejects(world.run(), OvertakenError);
  assert.equal(world.calls.at(-1), "allow back");
});
