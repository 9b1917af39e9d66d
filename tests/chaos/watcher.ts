/** Looks at a group's offsets all the time, and knows how far everything is. */
import type { KafkaCluster } from "../support/kafka_cluster.ts";
import { endOffsets, findCoordinator, groupOffsets } from "./questions.ts";
import { type PartitionOffsets, Stalls } from "./stalls.ts";
import { pause } from "../support/pause.ts";

export interface WatcherOptions {
  readonly cluster: KafkaCluster;
  readonly topic: string;
  readonly group: string;
}

const everyMs = 250;

export class Watcher implements AsyncDisposable {
  readonly stalls = new Stalls(performance.now());
  readonly #options: WatcherOptions;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  #last: readonly PartitionOffsets[] = [];
  #looks = 0;
  #failedLooks = 0;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#watching = this.#watch();
  }

  /** As the last look that succeeded found them. */
  get offsets(): readonly PartitionOffsets[] {
    return this.#last;
  }

  /** How many looks succeeded so far. */
  get looks(): number {
    return this.#looks;
  }

  /** Those at which some broker did not answer. */
  get failedLooks(): number {
    return this.#failedLooks;
  }

  /** Records that are committed. */
  get committed(): number {
    return this.#last.reduce((sum, { committed }) => sum + committed, 0);
  }

  /** Records that are not. */
  get lag(): number {
    return this.#last.reduce(
      (sum, { committed, end }) => sum + Math.max(0, end - committed),
      0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const offsets = await this.#look();
        this.#last = offsets;
        this.#looks++;
        this.stalls.look(offsets, performance.now());
      } catch {
        // A broker is down or silent: what it knows cannot be known now.
        this.#failedLooks++;
      }
      await pause(everyMs, signal);
    }
  }

  /** Throws unless everybody who is asked answers. */
  async #look(): Promise<PartitionOffsets[]> {
    const { cluster, topic, group } = this.#options;
    const { topics } = await cluster.metadata();
    const views = topics.get(topic) ?? [];
    const byLeader = Map.groupBy(
      views.keys(),
      (partition) => views[partition]!.leader,
    );
    const portOf = (id: number) => {
      const broker = cluster.brokers.find(({ nodeId }) => nodeId === id);
      if (broker === undefined) throw new Error(`no broker ${id}`);
      return broker.port;
    };
    const answering = cluster.brokers.find((each) =>
      each.alive && !each.paused
    );
    if (answering === undefined) throw new Error("no broker answers");
    const coordinator = await findCoordinator(answering.port, "group", group);
    const committed = await groupOffsets(
      portOf(coordinator),
      group,
      topic,
      [...views.keys()],
    );
    // After what is committed, which can thus not seem to be beyond the end.
    const ends = await settledAll(
      Array.from(
        byLeader,
        ([leader, partitions]) => endOffsets(portOf(leader), topic, partitions),
      ),
    );
    return ends.flatMap((each) =>
      Array.from(each, ([partition, end]) => ({
        partition,
        end,
        committed: Math.max(0, committed.get(partition) ?? 0),
      }))
    );
  }
}

/** Like Promise.all, but leaves none behind when one fails. */
async function settledAll<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
