/** More instances, one after the other, and fewer again. */
import { isSoak, sized } from "../../support/soak.ts";
import { eventually } from "../../support/wait.ts";
import { worst } from "../stalls.ts";
import { scenario } from "./scenario.ts";

const most = sized(3, 6);
const some = 2_000;

scenario(
  `scaling from 1 to ${most} instances and back stops no partition for long`,
  {
    brokers: isSoak ? 3 : 1,
    instances: most,
    partitions: 12,
    drainTimeoutMs: 60_000,
  },
  async (stage) => {
    const { instances, watcher } = stage;
    const generator = stage.load({ recordsPerSecond: sized(1_000, 5_000) });
    const settlesMore = async () => {
      const goal = watcher.committed + some;
      await eventually(() => watcher.committed >= goal, {
        what: "settled more",
        timeoutMs: 60_000,
      });
    };
    const [first, ...others] = instances.all;
    first!.start();
    await settlesMore();
    watcher.stalls.begin("healed", performance.now());
    for (const instance of others) {
      instance.start();
      await eventually(
        async () => (await instance.partitions()).length > 0,
        { what: `gave ${instance.id} work`, timeoutMs: 60_000 },
      );
      await settlesMore();
    }
    for (const instance of others) {
      await instance.stop();
      await settlesMore();
    }
    const gap = worst(watcher.stalls.longest("healed"));
    console.log(
      `longest gap while scaling 1 to ${most} to 1: ${
        gap === null
          ? "none"
          : `${Math.round(gap.stalledMs)} ms (partition ${gap.partition})`
      }`,
    );
    return await generator.stop();
  },
);
