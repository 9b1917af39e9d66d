/**
 * Every metric that the commands export, as they run: a pool, a mirror and a
 * sentinel on two embedded clusters. For tests of what names metrics.
 */
import { join } from "node:path";
import { EmbeddedClusters } from "../../src/commands/drill/embedded_clusters.ts";
import { freeAddress } from "../../src/commands/drill/environment.ts";
import { UNTIL_2036 } from "./certificates.ts";
import type { Child } from "./child.ts";
import { library, produce } from "./embedded.ts";
import { httpOf, startJob } from "./job_process.ts";
import { type ExportedMetrics, metricsIn } from "./metrics_page.ts";
import { MirrorRun } from "./mirror_run.ts";
import { SentinelRun } from "./sentinel_run.ts";
import { eventually } from "./wait.ts";

const INPUT = "figures";
/** What is there only when a role has come so far. */
const COMPLETE = {
  pool: [
    "kafka_consumergroup_group_offset",
    "kafka_consumergroup_group_lag_seconds",
    "switchyard_state_epoch",
  ],
  mirror: [
    "switchyard_mirror_lanes",
    "switchyard_mirror_era",
    "switchyard_mirror_heartbeat_age_seconds",
  ],
  sentinel: [
    "switchyard_sentinel_cluster_health",
    "switchyard_sentinel_lag_seconds",
  ],
} as const;

export async function exportedMetrics(): Promise<ExportedMetrics> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const certificate = join(folder, "ca.pem");
  await Deno.writeTextFile(certificate, UNTIL_2036);
  const topics = [INPUT, `${INPUT}-out`, `${INPUT}.dlq`];
  const clusters = stack.use(new EmbeddedClusters(library, topics));
  const { primary, secondary } = clusters.servers;
  const env = {
    LIBRDKAFKA_PATH: library.path,
    PRIMARY_BROKERS: primary,
    SECONDARY_BROKERS: secondary,
    PRIMARY_KAFKA_SSL_CA_LOCATION: certificate,
    INPUT_TOPIC: INPUT,
    OUTPUT_TOPIC: `${INPUT}-out`,
    DLQ_TOPIC: `${INPUT}.dlq`,
    COORDINATES: "off",
    MIRROR_TOPICS: `${topics.join()},heartbeats`,
    MIRROR_LANES: "1",
    STATE_REPLICATION_FACTOR: "1",
    SENTINELS: "1",
    GATEWAY_LISTEN: freeAddress(),
  };
  const sentinel = stack.use(SentinelRun.start(env)).child;
  const mirror = stack.use(MirrorRun.start(env)).child;
  const pool = stack.use(startJob({ env }));
  await produce(primary, [{ topic: INPUT, value: "no login" }]);
  const pages = await Promise.all([
    pageOf(pool, COMPLETE.pool),
    pageOf(mirror, COMPLETE.mirror),
    pageOf(sentinel, COMPLETE.sentinel),
  ]);
  return metricsIn(pages.join("\n"));
}

/** `/metrics`, once these have samples. */
async function pageOf(
  child: Child,
  names: readonly string[],
): Promise<string> {
  const http = await httpOf(child);
  let page = "";
  await eventually(async () => {
    const response = await fetch(`${http}/metrics`);
    page = await response.text();
    const found = metricsIn(page);
    return names.every((name) => found.has(name));
  }, {
    what: `exported ${names.join(", ")}`,
    timeoutMs: 60_000,
    everyMs: 200,
  });
  return page;
}
