/**
 * The two embedded clusters of a drill, with all topics that the roles would
 * make themselves if there was a way, and what can happen to them.
 */
import { cutsTopic } from "../../../dr/cut/mod.ts";
import {
  connectOffsetsTopic,
  doneTopic,
  HISTORY_TOPIC,
  lanesTopic,
  PROBE_TOPIC,
  reachedTopic,
  replicationPolicy,
  STATE_TOPIC,
  VOTES_TOPIC,
} from "../../../dr/formats/mod.ts";
import type { ClusterName } from "../../../dr/state/mod.ts";
import { type Library, MockCluster } from "../../kafka/mod.ts";
import type { ClusterFault } from "./cluster_fault.ts";
import type { DrillClusters } from "./roles_world.ts";

/** Partitions of the topics with records of the job. */
const PARTITIONS = 4;
/** No id twice. Each below one's own takes up to a second of this thread. */
const BROKERS: Readonly<Record<ClusterName, number>> = {
  primary: 1,
  secondary: 2,
};
/** Longer than any drill. */
const HANGING_MS = 600_000;

export class EmbeddedClusters implements DrillClusters {
  readonly failed = new Promise<never>(() => {});
  readonly #clusters: Readonly<Record<ClusterName, MockCluster>>;

  /** @param jobTopics that both clusters have */
  constructor(library: Library, jobTopics: readonly string[]) {
    this.#clusters = {
      primary: new MockCluster(library, 1, BROKERS.primary),
      secondary: new MockCluster(library, 1, BROKERS.secondary),
    };
    const own = ownTopics();
    for (const name of ["primary", "secondary"] as const) {
      for (const topic of jobTopics) {
        this.#clusters[name].createTopic(topic, PARTITIONS);
      }
      for (const topic of own[name]) this.#clusters[name].createTopic(topic, 1);
    }
  }

  get servers(): Readonly<Record<ClusterName, string>> {
    return {
      primary: this.#clusters.primary.bootstrapServers,
      secondary: this.#clusters.secondary.bootstrapServers,
    };
  }

  begin(fault: ClusterFault): boolean {
    const [cluster, id] = this.#of(fault);
    switch (fault.kind) {
      case "kill":
        cluster.setBrokerDown(id);
        return true;
      case "hang":
        cluster.setRoundTripTime(id, HANGING_MS);
        return true;
      case "slow":
        cluster.setRoundTripTime(id, fault.delayMs);
        return true;
      case "cut":
        return false;
    }
  }

  end(fault: ClusterFault): boolean {
    const [cluster, id] = this.#of(fault);
    switch (fault.kind) {
      case "kill":
        cluster.setBrokerUp(id);
        return true;
      case "hang":
        // Answers that are held back would come before all others.
        cluster.setRoundTripTime(id, 0);
        cluster.setBrokerDown(id);
        cluster.setBrokerUp(id);
        return true;
      case "slow":
        cluster.setRoundTripTime(id, 0);
        return true;
      case "cut":
        return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clusters.primary[Symbol.asyncDispose]();
    await this.#clusters.secondary[Symbol.asyncDispose]();
  }

  #of({ cluster }: ClusterFault): readonly [MockCluster, number] {
    return [this.#clusters[cluster], BROKERS[cluster]];
  }
}

/** Of one partition each: the mirror has one lane. */
function ownTopics(): Readonly<Record<ClusterName, readonly string[]>> {
  const policy = replicationPolicy({
    kind: "identity",
    sourceAlias: "primary",
  });
  const { heartbeatsTopic } = policy;
  return {
    primary: [
      STATE_TOPIC,
      PROBE_TOPIC,
      heartbeatsTopic,
      policy.offsetSyncsTopic("secondary"),
    ],
    secondary: [
      STATE_TOPIC,
      HISTORY_TOPIC,
      VOTES_TOPIC,
      PROBE_TOPIC,
      heartbeatsTopic,
      policy.targetTopic("primary", heartbeatsTopic),
      policy.checkpointsTopic("primary"),
      cutsTopic("primary"),
      lanesTopic("primary"),
      reachedTopic("primary"),
      doneTopic("primary"),
      connectOffsetsTopic("primary"),
    ],
  };
}
