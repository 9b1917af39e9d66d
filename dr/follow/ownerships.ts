/** Which partitions a group member has, and has had. No I/O. */
import {
  type KafkaError,
  type PartitionRouter,
  type TopicPartition,
} from "../../src/kafka/mod.ts";

/**
 * One time in which this member has one partition. Whoever holds records of it
 * can see whether it is over: Kafka itself takes a member's commits for
 * partitions that the group has given to another.
 */
export interface Ownership {
  readonly tp: TopicPartition;
  isOver: boolean;
  /** What was committed during it; 0: nothing. */
  committed: number;
}

interface Lane {
  readonly lane: number;
  readonly ownership: Ownership;
  /** Its records do not count any more, but may be committed. */
  isClosing: boolean;
}

const FIRST_LANES = 64;

export class Ownerships implements PartitionRouter {
  readonly #owned = new Map<string, Lane>();
  /** By lane. */
  readonly #lanes: Ownership[] = [];
  readonly partitions: TopicPartition[] = [];
  readonly #free: number[] = [];
  #next = new Float64Array(FIRST_LANES);
  /** The first that a partition cannot go on with. */
  failure: KafkaError | null = null;

  get next(): Float64Array {
    return this.#next;
  }

  get count(): number {
    return this.#owned.size;
  }

  /** Ends an earlier ownership of the partition, if there is one. */
  begin(tp: TopicPartition): void {
    this.end(tp);
    const lane = this.#free.pop() ?? this.partitions.length;
    if (lane >= this.#next.length) {
      const longer = new Float64Array(2 * this.#next.length);
      longer.set(this.#next);
      this.#next = longer;
    }
    this.#next[lane] = 0;
    const { topic, partition } = tp;
    const ownership = {
      tp: { topic, partition },
      isOver: false,
      committed: 0,
    };
    this.partitions[lane] = ownership.tp;
    this.#lanes[lane] = ownership;
    this.#owned.set(keyOf(tp), { lane, ownership, isClosing: false });
  }

  /** Lets no more records of it in; null: it is not owned. */
  close(tp: TopicPartition): Ownership | null {
    const found = this.#owned.get(keyOf(tp));
    if (found === undefined) return null;
    found.isClosing = true;
    return found.ownership;
  }

  end(tp: TopicPartition): void {
    const found = this.#owned.get(keyOf(tp));
    if (found === undefined) return;
    found.ownership.isOver = true;
    this.#owned.delete(keyOf(tp));
    this.#free.push(found.lane);
  }

  endAll(): void {
    for (const { ownership } of [...this.#owned.values()]) {
      this.end(ownership.tp);
    }
  }

  /** Whether records of it are let in. */
  isOpen(ownership: Ownership): boolean {
    const found = this.#owned.get(keyOf(ownership.tp));
    return found?.ownership === ownership && !found.isClosing;
  }

  /** Of a lane of a batch that was just taken. */
  ofLane(lane: number): Ownership {
    return this.#lanes[lane]!;
  }

  laneOf(topic: string, partition: number): number {
    const found = this.#owned.get(keyOf({ topic, partition }));
    return found === undefined || found.isClosing ? -1 : found.lane;
  }

  failed(_tp: TopicPartition, error: KafkaError): void {
    if (!error.retriable) this.failure ??= error;
  }
}

const keyOf = ({ partition, topic }: TopicPartition) => `${partition} ${topic}`;
