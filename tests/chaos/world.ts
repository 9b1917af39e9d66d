/** What faults can reach. */
import { type KafkaBroker } from "../support/kafka_broker.ts";
import type { KafkaCluster } from "../support/kafka_cluster.ts";
import { eventually } from "../support/wait.ts";

import type { KafkaProxy } from "./proxy.ts";
import type { SmallDisk } from "./small_disk.ts";
import type { Victim } from "./supervised.ts";

export interface World {
  readonly cluster: KafkaCluster;
  /** In the order of the cluster's brokers; the job reaches them through these. */
  readonly proxies: readonly KafkaProxy[];
  readonly instances: readonly Victim[];
  readonly input: string;
  readonly group: string;
  /** Of one broker, or why there is none. */
  readonly disk: SmallDisk | { readonly missing: string };
  /** The longest that an instance may be silent before the group gives it up. */
  readonly sessionTimeoutMs: number;
  /** Where the job's processor looks for commands, by instance. */
  readonly commandFolder: string;
  /** A line of the report. */
  readonly log: (text: string) => void;
}

const healTimeoutMs = 90_000;

/** One of several by a number of any size. */
export function nth<T>(all: readonly T[], number: number): T {
  return all[number % all.length]!;
}

/** The port of a broker that answers. @throws {Error} when none does. */
export function anyPort({ cluster }: World): number {
  const broker = cluster.brokers.find(({ alive, paused }) => alive && !paused);
  if (broker === undefined) throw new Error("no broker answers");
  return broker.port;
}

export function brokerOf({ cluster }: World, nodeId: number): KafkaBroker {
  const broker = cluster.brokers.find((each) => each.nodeId === nodeId);
  if (broker === undefined) throw new Error(`no broker has the id ${nodeId}`);
  return broker;
}

/** Starts a broker that was killed, and waits until nothing is behind. */
export async function revive(world: World, broker: KafkaBroker): Promise<void> {
  await broker.restart();
  await inSync(world);
}

/** Resolves when every partition has all of its replicas in sync. */
export async function inSync({ cluster }: World): Promise<void> {
  await eventually(
    async () => {
      const { brokers, topics } = await cluster.metadata();
      return brokers.length === cluster.brokers.length &&
        topics.values().every((partitions) =>
          partitions.every(({ leader, inSync, replicas }) =>
            leader >= 0 && inSync.length === replicas.length
          )
        );
    },
    { what: "in sync everywhere", timeoutMs: healTimeoutMs, everyMs: 200 },
  );
}
