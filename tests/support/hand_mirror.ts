/**
 * A mirror by hand: the test says which records are copied and when, each time in
 * one transaction, and it knows where they are on the target.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type {
  OffsetSync,
  Positions,
  Translated,
  Translation,
} from "../../dr/cut/mod.ts";
import { Sender } from "./embedded.ts";

interface Copied extends TopicPartition {
  /** Next offsets on both sides. */
  upstream: number;
  downstream: number;
  readonly pairs: (readonly [number, number])[];
}

const TIMEOUT_MS = 30_000;

export class HandMirror implements AsyncDisposable, Positions, Translation {
  readonly #sender: Sender;
  readonly #copied = new Map<string, Copied>();

  private constructor(sender: Sender) {
    this.#sender = sender;
  }

  static async open(targetServers: string): Promise<HandMirror> {
    const sender = new Sender(targetServers, {
      "transactional.id": "hand-mirror",
    });
    await sender.producer.initTransactions(TIMEOUT_MS);
    return new HandMirror(sender);
  }

  /**
   * Copies the next `count` records of a partition, which nobody else writes to
   * on the target, under the same name.
   */
  async copy(topic: string, partition: number, count: number): Promise<void> {
    const { producer } = this.#sender;
    const copied = this.#of({ topic, partition });
    producer.beginTransaction();
    await this.#sender.send(
      Array.from({ length: count }, (_, at) => ({
        topic,
        partition,
        value: `${copied.upstream + at}`,
      })),
    );
    await producer.commitTransaction(TIMEOUT_MS);
    for (let left = count; left > 0; left--) {
      copied.pairs.push([copied.upstream++, copied.downstream++]);
    }
    copied.downstream++; // the marker
  }

  position(tp: TopicPartition): number | null {
    return this.#copied.get(keyOf(tp))?.upstream ?? null;
  }

  stopped(): string | null {
    return null;
  }

  translate(tp: TopicPartition, upstream: number): Translated | null {
    const pairs = this.#copied.get(keyOf(tp))?.pairs ?? [];
    if (pairs.length === 0) return null;
    const below = pairs.findLast(([each]) => each < upstream);
    return { offset: below ? below[1] + 1 : pairs[0]![1], exact: true };
  }

  *newest(): Iterable<OffsetSync> {
    for (const { topic, partition, pairs } of this.#copied.values()) {
      const [upstream, downstream] = pairs.at(-1)!;
      yield { topic, partition, upstream, downstream };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#sender[Symbol.asyncDispose]();
  }

  #of({ topic, partition }: TopicPartition): Copied {
    const key = keyOf({ topic, partition });
    const found = this.#copied.get(key) ??
      { topic, partition, upstream: 0, downstream: 0, pairs: [] };
    this.#copied.set(key, found);
    return found;
  }
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
