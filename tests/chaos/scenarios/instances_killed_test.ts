/** Instances that die all the time, under load. */
import { seededRandom } from "../../support/load.ts";
import { isSoak, seed, sized } from "../../support/soak.ts";
import { eventually } from "../../support/wait.ts";
import { between, oneOf } from "../fault.ts";
import { pause } from "../../support/pause.ts";
import { scenario } from "./scenario.ts";

const lastsMs = sized(20_000, 120_000);
const recordsPerSecond = sized(2_000, 20_000);

scenario("instances killed every 3 to 8 s lose nothing", {
  brokers: isSoak ? 3 : 1,
  instances: 3,
  partitions: 12,
  drainTimeoutMs: sized(60_000, 300_000),
}, async (stage) => {
  const { instances, watcher } = stage;
  const random = seededRandom(seed);
  instances.startAll();
  const generator = stage.load({ recordsPerSecond });
  await eventually(() => watcher.committed > 0, { what: "committed" });
  const endMs = performance.now() + lastsMs;
  let kills = 0;
  while (performance.now() < endMs) {
    await pause(between(random, 3_000, 8_000));
    const instance = oneOf(random, instances.all);
    await instance.kill();
    instance.start();
    kills++;
  }
  console.log(`${kills} kills, lag ${watcher.lag}`);
  return await generator.stop();
});
