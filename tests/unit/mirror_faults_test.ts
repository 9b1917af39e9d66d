import assert from "node:assert/strict";
import fc from "fast-check";
import { makePlan, planText } from "../chaos/plan.ts";
import type { Victim } from "../chaos/supervised.ts";
import { lanesMoved, mirrorFaults, mirrorKilled } from "../mirror/faults.ts";
import type { MirrorWorld } from "../mirror/world.ts";

const planOf = (seed: number, steps = 60) =>
  makePlan({ seed, steps, faults: mirrorFaults });

Deno.test("a plan for a mirror depends on the seed alone, and has every fault", () => {
  fc.assert(fc.property(fc.nat(), (seed) => {
    assert.equal(planText(planOf(seed)), planText(planOf(seed)));
    const firsts = planOf(seed, mirrorFaults.length)
      .map(({ faults: [first] }) => first!.name);
    assert.deepEqual(
      firsts.toSorted(),
      mirrorFaults.map(({ name }) => name).toSorted(),
    );
  }));
  const names = new Set(mirrorFaults.map(({ name }) => name));
  assert.equal(names.size, mirrorFaults.length);
});

class Noted implements Victim {
  readonly id: string;
  readonly #did: string[];

  constructor(id: string, did: string[]) {
    this.id = id;
    this.#did = did;
  }

  start = () => void this.#did.push(`${this.id} starts`);
  pause = () => void this.#did.push(`${this.id} pauses`);
  resume = () => void this.#did.push(`${this.id} resumes`);
  kill = () => Promise.resolve(void this.#did.push(`${this.id} ends`));
  stop = () => Promise.resolve(void this.#did.push(`${this.id} ends`));
}

/** What happens to mirrors, when everything is healed at once. */
async function done(fault: typeof mirrorKilled, spares: number) {
  const did: string[] = [];
  const reach = { proxies: [] } as unknown as MirrorWorld["source"];
  const world: MirrorWorld = {
    source: reach,
    target: reach,
    mirrors: [new Noted("mirror", did)],
    spares: Array.from({ length: spares }, () => new Noted("spare", did)),
    growing: "t",
    sessionTimeoutMs: 0,
    log: () => {},
  };
  await fault.prepare(() => 0).run(world, AbortSignal.abort());
  return did;
}

Deno.test("a mirror that is killed is started again", async () => {
  assert.deepEqual(await done(mirrorKilled, 1), [
    "mirror ends",
    "mirror starts",
  ]);
});

Deno.test("lanes are moved by a spare mirror that comes and goes, or by one that goes and comes", async () => {
  assert.deepEqual(await done(lanesMoved, 1), ["spare starts", "spare ends"]);
  assert.deepEqual(await done(lanesMoved, 0), ["mirror ends", "mirror starts"]);
});
