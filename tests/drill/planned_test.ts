/**
 * The drill of a planned switch and back, as a user runs it, on two real
 * clusters.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { withKafkaAdmin } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";
import { expectDrill } from "./support/drill_run.ts";

/** By which everybody is away from home for a second. */
const SEED = 59;

const gap = { inputsMs: z.number().min(0), outputsMs: z.number().min(0) };
const REPORT = z.object({
  world: z.literal("configured"),
  active: z.literal("primary"),
  switches: z.tuple([
    z.object({ to: z.literal("secondary"), ...gap }),
    z.object({ to: z.literal("primary"), ...gap }),
  ]),
  acknowledged: z.number().min(100),
  afterwards: z.number().min(50),
  outputs: z.number().min(100),
  lost: z.literal(0),
  repeated: z.literal(0),
  reordered: z.literal(0),
  tail: z.literal(0),
  behind: z.literal(0),
  violations: z.array(z.string()).length(0),
  met: z.literal(true),
});

realKafkaTest(
  "a drill switches to the secondary and home again under load, and each input has its outputs once",
  async () => {
    await using stack = new AsyncDisposableStack();
    const primary = stack.use(
      await KafkaCluster.start({ heapMb: 256, nodeIdBase: 1 }),
    );
    const secondary = stack.use(
      await KafkaCluster.start({ heapMb: 256, nodeIdBase: 101 }),
    );
    await expectDrill(
      { primary, secondary },
      // How fast a machine under tests is, is not the matter here.
      ["--scenario", "planned", "--seed", String(SEED), "--max-rto", "120s"],
      (report) => void REPORT.parse(report),
    );
    for (const cluster of [primary, secondary]) {
      // Brokers still tell, for a moment, of topics that are deleted.
      await eventually(async () => {
        assert.deepEqual(await drillTopics(cluster), []);
        return true;
      }, { what: "without topics of the drill" });
    }
  },
);

/** What is left of drills. */
const drillTopics = (cluster: KafkaCluster): Promise<string[]> =>
  withKafkaAdmin(cluster.bootstrapServers, async (admin) => {
    const topics = await admin.listTopics();
    return topics.filter((each) => each.includes("switchyard-drill-"));
  });
