/**
 * Random drills on two real clusters, of which the primary really dies. How
 * many: SOAK_DRILLS, by SEED. What they say is told as it comes.
 */
import assert from "node:assert/strict";
import { eachLine } from "../../support/each_line.ts";
import { startGuarded } from "../../support/guarded_process.ts";
import { KafkaCluster } from "../../support/kafka_cluster.ts";
import { realKafkaTest } from "../../support/require_java.ts";
import { seed } from "../../support/soak.ts";
import { within } from "../../support/wait.ts";
import { BrokerBreaker } from "../support/broker_breaker.ts";
import { drillArguments, drillEnvironment } from "../support/drill_run.ts";
import { soakSummary } from "../support/soak_summary.ts";

const DRILLS = Number(Deno.env.get("SOAK_DRILLS") || 100);
const MOST_MS = DRILLS * 3 * 60_000;

realKafkaTest(
  "random drills that kill and hang all brokers of a real primary keep all that is promised",
  async () => {
    await using primary = await KafkaCluster.start({ brokers: 2 });
    await using secondary = await KafkaCluster.start({ nodeIdBase: 101 });
    await using breaker = await BrokerBreaker.open(primary);
    const drill = startGuarded([
      Deno.execPath(),
      ...drillArguments([
        ...breaker.options,
        "--soak",
        String(DRILLS),
        "--seed",
        String(seed),
        // How fast a machine under tests is, is not the matter here.
        "--max-rto",
        "60s",
        "--max-rpo",
        "60s",
      ]),
    ], { env: drillEnvironment({ primary, secondary }) });
    const over = new AbortController();
    let summary = "";
    const ended = Promise.all([
      drill.status,
      eachLine(drill.stdout, (line) => summary = line),
      eachLine(drill.stderr, (line) => console.error(line)),
    ]).finally(() => over.abort());
    try {
      const both = Promise.all([ended, breaker.serve(over.signal)]);
      await within(both, MOST_MS, "ended");
    } catch (error) {
      primary.keepLogs();
      secondary.keepLogs();
      throw error;
    } finally {
      drill.signal("SIGKILL");
      await ended;
    }
    console.log(summary);
    console.log(JSON.stringify(breaker.done));
    soakSummary(seed, DRILLS).parse(JSON.parse(summary));
    assert.ok(DRILLS < 26 || breaker.done.kills > 0 && breaker.done.hangs > 0);
  },
);
