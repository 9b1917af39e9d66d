/** What faults can reach: two clusters, and the mirrors between them. */
import type { KafkaProxy } from "../chaos/proxy.ts";
import type { Victim } from "../chaos/supervised.ts";
import type { World } from "../chaos/world.ts";
import type { KafkaCluster } from "../support/kafka_cluster.ts";

export interface Reach {
  readonly cluster: KafkaCluster;
  /** In the order of the cluster's brokers; the mirrors reach them through these. */
  readonly proxies: readonly KafkaProxy[];
}

export interface MirrorWorld {
  readonly source: Reach;
  readonly target: Reach;
  /** Those that run unless a fault says otherwise. */
  readonly mirrors: readonly Victim[];
  /** Those that run only while a fault says so. */
  readonly spares: readonly Victim[];
  /** The source topic that gets partitions. */
  readonly growing: string;
  /** The longest that a mirror may be silent before its group gives it up. */
  readonly sessionTimeoutMs: number;
  readonly log: (text: string) => void;
}

/** One of its clusters, as faults of a job see theirs. */
export function worldAt(world: MirrorWorld, side: "source" | "target"): World {
  const { mirrors, growing, sessionTimeoutMs, log } = world;
  return {
    ...world[side],
    instances: mirrors,
    input: growing,
    // Of the mirrors' own group, whose coordinator a fault looks for.
    group: "switchyard-primary-secondary",
    disk: { missing: "the stage of the mirror has none" },
    sessionTimeoutMs,
    commandFolder: "",
    log: (text) => log(`${side}: ${text}`),
  };
}
