/** The mirror under a seeded choice of faults, about a minute of them. */
import assert from "node:assert/strict";
import { makePlan, planText } from "../chaos/plan.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { isSoak, seed, sized } from "../support/soak.ts";
import {
  cutConnections,
  lanesMoved,
  mirrorFaults,
  mirrorFrozen,
  mirrorKilled,
  partitionsAdded,
  sourceBrokerKilled,
  targetBrokerKilled,
  transactionAnswersDropped,
} from "./faults.ts";
import { type MirrorChaosOptions, runMirrorChaos } from "./mirror_chaos.ts";
import { resultText } from "./result_text.ts";

const chosen = isSoak ? mirrorFaults : [
  mirrorKilled,
  mirrorFrozen,
  lanesMoved,
  sourceBrokerKilled,
  targetBrokerKilled,
  cutConnections[1]!,
  transactionAnswersDropped[0]!,
  partitionsAdded,
];

/** In a soak all of them, for half an hour, and 200 moments. */
const options = {
  seed,
  faults: chosen,
  steps: sized(chosen.length, 900),
  lastsMs: sized(60_000, 1_800_000),
  mostQuietMs: sized(2_500, 6_000),
  recordsPerSecond: sized(400, 1_000),
  mirrors: sized(2, 3),
  spareMirrors: 1,
  lanes: sized(4, 6),
  partitions: sized(4, 6),
  jobInstances: 1,
  moments: sized(3, 200),
  optimizeFor: isSoak ? "throughput" : "start",
} as const;

const name =
  "a mirror is an exact prefix with exact offsets and consistent cuts, whatever happens to it and its clusters";
realKafkaTest(name, run);

async function run(): Promise<void> {
  const lines: string[] = [];
  const log = (text: string) => void lines.push(text);
  const chaos: MirrorChaosOptions = { ...options, log };
  try {
    const result = await runMirrorChaos(chaos);
    console.log(resultText(result));
    assert.deepEqual(result.violations, []);
  } catch (error) {
    console.log(`${planText(makePlan(chaos))}\n\n${lines.join("\n")}`);
    throw error;
  }
}
