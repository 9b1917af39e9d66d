/** The fault harness in its short form: a seeded choice of faults, about a minute. */
import assert from "node:assert/strict";
import { realKafkaTest } from "../support/require_java.ts";
import { isSoak, seed, sized } from "../support/soak.ts";
import { type ChaosOptions, runChaos } from "./chaos.ts";
import { brokerKilled } from "./faults/brokers.ts";
import { instanceKilled } from "./faults/instances.ts";
import { faults } from "./faults/mod.ts";
import { answersDropped, connectionsCut } from "./faults/network.ts";
import { partitionsAdded } from "./faults/partitions.ts";
import { workerCrashed, workerHung } from "./faults/workers.ts";
import { guarantees } from "./guarantees.ts";
import { makePlan, planText } from "./plan.ts";
import { resultText } from "./report_text.ts";
import type { Guarantee } from "./stage.ts";

const chosen = isSoak ? faults : [
  instanceKilled,
  brokerKilled,
  ...answersDropped.slice(0, 2),
  connectionsCut,
  workerCrashed,
  workerHung,
  partitionsAdded,
];

/** In a soak all of them, for ten minutes. */
const options = {
  seed,
  lastsMs: sized(60_000, 600_000),
  // The soak form demands what is promised, else a machine may be too busy.
  mostStalledMs: sized(60_000, 15_000),
  mostQuietMs: sized(2_500, 6_000),
  steps: sized(chosen.length, 300),
  faults: chosen,
  recordsPerSecond: 1_000,
  instances: sized(2, 3),
  partitions: 8,
} as const;

for (const guarantee of guarantees) chaosTest(guarantee);

function chaosTest(guarantee: Guarantee): void {
  realKafkaTest(`chaos keeps ${guarantee}`, async () => {
    const lines: string[] = [];
    const log = (text: string) => void lines.push(text);
    const chaos: ChaosOptions = { ...options, guarantee, log };
    try {
      const result = await runChaos(chaos);
      console.log(resultText(result));
      assert.deepEqual(result.violations, []);
    } catch (error) {
      console.log(`${planText(makePlan(chaos))}\n\n${lines.join("\n")}`);
      throw error;
    }
  });
}
