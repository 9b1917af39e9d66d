import assert from "node:assert/strict";
import fc from "fast-check";
import { stageOf } from "../../dr/failback/stage.ts";
import { sized } from "../support/soak.ts";
import { FailbackWorld, FAILED_OVER } from "./support_failback_world.ts";

const numRuns = sized(300, 20_000);

Deno.test("whereever a failback is broken off, running it again brings each record over once, and no output is there twice", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(6),
      fc.array(fc.nat(8), { maxLength: 3 }),
      fc.array(fc.nat(25), { maxLength: 6 }),
      fc.nat(2),
      async (tail, mirrored, crashes, late) => {
        const world = new FailbackWorld(tail, mirrored);
        world.late = late;
        for (const each of crashes) await world.run(each);
        const end = await world.run(null);
        assert.equal(end?.phase, "catching-up");
        assert.deepEqual(
          world.copied,
          Array.from({ length: world.tail }, (_, at) => at),
        );
        for (const each of world.copied) {
          assert.equal(world.outputs.get(each), 1, `outputs of ${each}`);
        }
        const again = await world.run(null);
        assert.deepEqual([again?.phase, again?.era], ["catching-up", end.era]);
      },
    ),
    { numRuns },
  );
});

Deno.test("pools rest only where they must learn what is there already", async () => {
  const plain = new FailbackWorld(3, []);
  await plain.run(null);
  assert.deepEqual(plain.history, [
    "recovering 1",
    "reversing 1",
    "catching-up 1",
  ]);
  const resting = new FailbackWorld(3, [1]);
  await resting.run(null);
  assert.deepEqual(resting.history, [
    "recovering 1",
    "releasing 1",
    "reversing 2",
    "catching-up 2",
  ]);
});

Deno.test("where there is no failover to come back from nothing is done", () => {
  const primary = { ...FAILED_OVER, active: "primary" } as const;
  assert.equal(stageOf(null).kind, "nothing");
  assert.equal(stageOf(primary).kind, "nothing");
  assert.equal(stageOf({ ...primary, phase: "fencing" }).kind, "refuse");
});

Deno.test("the state says which part of a failback goes on", () => {
  const kinds = ([
    "steady",
    "recovering",
    "releasing",
    "reversing",
    "catching-up",
    "draining",
    "fencing",
  ] as const).map((phase) => stageOf({ ...FAILED_OVER, phase }).kind);
  assert.deepEqual(kinds, [
    "recover",
    "recover",
    "recover",
    "follow",
    "follow",
    "switch",
    "switch",
  ]);
});
