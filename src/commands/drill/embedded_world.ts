/** A drill that needs nothing: on two clusters in this process. */
import { fileURLToPath } from "node:url";
import { replicationPolicy, STATE_TOPIC } from "../../../dr/formats/mod.ts";
import type { Library } from "../../kafka/mod.ts";
import type { Log } from "../../telemetry/log.ts";
import { DrillFolder } from "./drill_folder.ts";
import { EmbeddedClusters } from "./embedded_clusters.ts";
import { freeAddress, ownEnvironment } from "./environment.ts";
import { RolesWorld } from "./roles_world.ts";

const INPUT = "drill";
const OUTPUT = "drill-results";
const DEAD_LETTERS = "drill.dlq";

export const EMBEDDED_LIMITS: readonly string[] = [
  "the clusters are embedded: they live in memory and only simulate " +
  "transactions, so the pool's sessions and transactions are given 60 s and " +
  "not 10, and clients connect again after 1 s at most: what begins anew on " +
  "the same cluster is not tried here",
  "an embedded cluster does not list its groups, so no group positions are " +
  "released: the pool of the new cluster begins at the beginning, and leaves " +
  "out what the failover has found done",
];

/**
 * Of sessions and transactions, instead of 10 s: the embedded cluster shows
 * records that were aborted, and forgets positions that are committed in
 * transactions, so a pool that had to begin anew on it would repeat everything.
 */
const PATIENCE_MS = 60_000;
/**
 * Instead of 10 s, in which requests time out after an outage: what the mirror
 * then aborts is shown, too, and nobody tells the judge.
 */
const RECONNECT_MS = "1000";

export const DRILL_PROCESSOR = fileURLToPath(
  new URL("../../../workers/processors/drill.ts", import.meta.url),
);

export async function openEmbeddedWorld(
  library: Library,
  log: Log,
): Promise<RolesWorld> {
  const clusters = new EmbeddedClusters(library, [INPUT, OUTPUT, DEAD_LETTERS]);
  const { servers } = clusters;
  const clients = (cluster: "primary" | "secondary") => {
    const own = { "bootstrap.servers": servers[cluster], log_level: 0 };
    return {
      admin: own,
      consumer: { ...own, "group.id": "drill" },
      producer: own,
    };
  };
  return await RolesWorld.open({
    name: "embedded",
    limits: EMBEDDED_LIMITS,
    showsAborts: true,
    library,
    clusters,
    env: { ...ownEnvironment(), ...roleEnvironment(library) },
    clients: { primary: clients("primary"), secondary: clients("secondary") },
    inputTopic: INPUT,
    outputTopic: OUTPUT,
    stateTopic: STATE_TOPIC,
    folder: await DrillFolder.open(),
    log,
  });
}

function roleEnvironment(library: Library): Record<string, string> {
  const policy = replicationPolicy({
    kind: "identity",
    sourceAlias: "primary",
  });
  const patience = String(PATIENCE_MS);
  return {
    LIBRDKAFKA_PATH: library.path,
    INPUT_TOPIC: INPUT,
    OUTPUT_TOPIC: OUTPUT,
    DLQ_TOPIC: DEAD_LETTERS,
    GROUP_ID: "drill",
    INSTANCE_ID: "drill",
    GUARANTEE: "exactly-once",
    COORDINATES: "on",
    PROCESSOR: DRILL_PROCESSOR,
    WORKERS: "1",
    MIRROR_TOPICS: [INPUT, OUTPUT, DEAD_LETTERS, policy.heartbeatsTopic].join(),
    MIRROR_LANES: "1",
    MIRROR_POLICY: policy.kind,
    STATE_REPLICATION_FACTOR: "1",
    SENTINELS: "1",
    DRAIN_MS: "3000",
    TRANSACTION_TIMEOUT_MS: patience,
    PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: patience,
    SECONDARY_CONSUMER_SESSION_TIMEOUT_MS: patience,
    PRIMARY_KAFKA_RECONNECT_BACKOFF_MAX_MS: RECONNECT_MS,
    SECONDARY_KAFKA_RECONNECT_BACKOFF_MAX_MS: RECONNECT_MS,
    // No client of the drill is led by it.
    GATEWAY_LISTEN: freeAddress(),
  };
}
