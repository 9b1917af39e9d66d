/**
 * How long the partitions of a killed instance stand still. Printed; the soak
 * form demands what is promised, elsewhere a machine may be too busy.
 */
import assert from "node:assert/strict";
import { sized } from "../../support/soak.ts";
import { eventually } from "../../support/wait.ts";
import type { Instance } from "../instances.ts";
import type { Stage } from "../stage.ts";
import { scenario } from "./scenario.ts";

const partitions = 8;
const restartedWithinMs = sized(60_000, 5_000);
const takenOverWithinMs = sized(60_000, 15_000);

scenario(
  "a killed instance goes on when it is restarted, or another one does",
  {
    brokers: 1,
    instances: 2,
    partitions,
    isStatic: true,
    drainTimeoutMs: 60_000,
  },
  async (stage) => {
    const [victim, other] = stage.instances.all;
    const generator = stage.load({ recordsPerSecond: 1_000 });
    stage.instances.startAll();
    let had = await shared(victim!, other!);
    await victim!.kill();
    victim!.start();
    await goneOn(stage, had, "restarted", restartedWithinMs);

    had = await shared(victim!, other!);
    await victim!.kill();
    await goneOn(stage, had, "taken over", takenOverWithinMs);
    await eventually(
      async () => (await other!.partitions()).length === partitions,
      { what: "owner of all", timeoutMs: 60_000 },
    );
    return await generator.stop();
  },
);

/** @returns what the first one has, of which each has half */
async function shared(one: Instance, other: Instance): Promise<number[]> {
  return await eventually(async () => {
    const its = await one.partitions();
    const others = await other.partitions();
    return [its, others].every(({ length }) => length === partitions / 2)
      ? its
      : null;
  }, { what: "shared the work", timeoutMs: 60_000 });
}

/** Call it right after the kill. */
async function goneOn(
  { watcher }: Stage,
  had: readonly number[],
  how: string,
  timeoutMs: number,
): Promise<void> {
  const startMs = performance.now();
  // What was sent by now, nobody has committed before.
  const goals = new Map(
    watcher.offsets.filter(({ partition }) => had.includes(partition))
      .map(({ partition, end }) => [partition, end]),
  );
  assert.equal(goals.size, partitions / 2);
  await eventually(
    () =>
      watcher.offsets.every(({ partition, committed }) =>
        committed >= (goals.get(partition) ?? 0)
      ),
    { what: how, timeoutMs, everyMs: 20 },
  );
  const tookMs = Math.round(performance.now() - startMs);
  console.log(`${how}: every partition went on within ${tookMs} ms`);
}
