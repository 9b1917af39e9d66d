/** A broker without space, which ends as Kafka has it, and gets space again. */
import { between, type Fault, NotPossible } from "../fault.ts";
import { pause } from "../../support/pause.ts";
import { SmallDisk } from "../small_disk.ts";
import { brokerOf, revive } from "../world.ts";

export const diskFull: Fault = {
  name: "disk full on one broker",
  family: "brokers",
  prepare(random) {
    const fullMs = between(random, 3_000, 10_000);
    return {
      parameters: { fullMs },
      async run(world, signal) {
        const { disk, log } = world;
        if (!(disk instanceof SmallDisk)) throw new NotPossible(disk.missing);
        const broker = brokerOf(world, disk.nodeId);
        try {
          using _ = disk.fill();
          await pause(fullMs, signal);
        } finally {
          log(
            `broker ${broker.nodeId} ${
              broker.alive ? "bore" : "ended by"
            } its full disk`,
          );
          await revive(world, broker);
        }
      },
    };
  },
};
