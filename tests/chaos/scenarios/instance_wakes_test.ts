/** An instance that was thought dead. */
import { sized } from "../../support/soak.ts";
import { eventually } from "../../support/wait.ts";
import { pause } from "../../support/pause.ts";
import { scenario } from "./scenario.ts";

const recordsPerSecond = sized(1_000, 10_000);
const rounds = sized(1, 6);

scenario(
  "an instance that wakes after its session writes nothing that counts twice",
  {
    brokers: 1,
    instances: 2,
    partitions: 8,
    drainTimeoutMs: 60_000,
  },
  async (stage) => {
    const { instances, watcher, world } = stage;
    const [sleeper, other] = instances.all;
    const generator = stage.load({ recordsPerSecond });
    instances.startAll();
    for (let round = 0; round < rounds; round++) {
      const had = await eventually(async () => {
        const its = await sleeper!.partitions();
        const others = await other!.partitions();
        return its.length > 0 && others.length > 0 ? its : null;
      }, { what: "shared the work", timeoutMs: 60_000 });
      sleeper!.pause();
      const before = new Map(
        watcher.offsets.map((each) => [each.partition, each.committed]),
      );
      await eventually(
        () =>
          watcher.offsets.every(({ partition, committed }) =>
            !had.includes(partition) ||
            committed > before.get(partition)! + 1_000
          ),
        { what: "gone on without it", timeoutMs: 60_000 },
      );
      await eventually(
        async () => (await other!.partitions()).length === 8,
        { what: "owner of all", timeoutMs: 60_000 },
      );
      sleeper!.resume();
      await pause(world.sessionTimeoutMs / 5);
    }
    return await generator.stop();
  },
);
