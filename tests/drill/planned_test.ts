/**
 * The drill of a planned switch and back, as a user runs it, on two real
 * clusters.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { Child } from "../support/child.ts";
import { withoutOurs } from "../support/job_process.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const EXIT_MS = 400_000;
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
    const child = stack.use(Child.deno([
      "run",
      "-A",
      "--no-check",
      main,
      "drill",
      "--clusters",
      "--scenario",
      "planned",
      "--seed",
      String(SEED),
      // How fast a machine under tests is, is not the matter here.
      "--max-rto",
      "120s",
      "--json",
    ], {
      env: {
        ...withoutOurs(),
        PRIMARY_BROKERS: primary.bootstrapServers,
        SECONDARY_BROKERS: secondary.bootstrapServers,
      },
    }));
    const { code } = await child.exit(EXIT_MS);
    const said = child.lines("stderr").slice(-20).join("\n");
    const [line = ""] = child.lines("stdout").slice(-1);
    assert.match(line, /^\{/, said);
    console.log(line);
    REPORT.parse(JSON.parse(line));
    assert.equal(code, 0, said);
    for (const cluster of [primary, secondary]) {
      assert.deepEqual(await drillTopics(cluster), []);
    }
  },
);

/** What is left of drills. */
async function drillTopics(cluster: KafkaCluster): Promise<string[]> {
  const admin = quietKafka(cluster.bootstrapServers).admin();
  await admin.connect();
  try {
    const topics = await admin.listTopics();
    return topics.filter((each) => each.includes("switchyard-drill-"));
  } finally {
    await admin.disconnect();
  }
}
