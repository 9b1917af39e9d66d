/**
 * Writes what a pool in exactly-once would: outputs with the coordinates of their
 * inputs, in transactions with the group's positions. It does not read: inputs
 * are numbered, and plain, so that their offsets are.
 */
import { Sender } from "../../dr/sender.ts";
import {
  type Admin,
  GroupMembership,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import { encodeCoordinates } from "./coordinates_text.ts";
import { library } from "./embedded.ts";
import { pause } from "./pause.ts";

export interface TestPoolOptions {
  readonly bootstrapServers: string;
  readonly admin: Admin;
  readonly group: string;
  readonly input: string;
  readonly inputPartitions: number;
  readonly output: string;
  readonly outputPartitions: number;
}

/** Offsets that no input has: the mirror never comes to them. */
export const NEVER_MIRRORED = 1_000_000;

const BATCH = 25;
const REQUEST_MS = 5_000;

/** Of each input. */
export const outputsOf = (offset: number): number => offset % 4;

export class TestPool implements AsyncDisposable {
  readonly #options: TestPoolOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #transactions = 0;

  constructor(options: TestPoolOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** That were committed by now. */
  get transactions(): number {
    return this.#transactions;
  }

  /** What it has begun may be committed or not, as when a cluster dies. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { admin, bootstrapServers, group, input, inputPartitions } =
      this.#options;
    const { signal } = this.#stop;
    const options = { timeoutMs: REQUEST_MS };
    try {
      const { clusterId } = await admin.describeCluster(options);
      const [topic] = await admin.topics.summarize([input], options);
      await using sender = new Sender({
        library,
        properties: {
          "bootstrap.servers": bootstrapServers,
          "transactional.id": `pool-${group}`,
          "linger.ms": 1,
        },
        onEvent: () => {},
      });
      const { producer } = sender;
      await producer.initTransactions(REQUEST_MS);
      const next = new Array<number>(inputPartitions).fill(0);
      while (!signal.aborted) {
        const ends = await admin.partitions.offsets(
          next.map((_, partition) => ({
            topic: input,
            partition,
            at: "latest" as const,
          })),
          options,
        );
        for (const { offset, partition } of ends) {
          const from = next[partition]!;
          const to = Math.min(offset ?? 0, from + BATCH);
          if (from >= to) continue;
          producer.beginTransaction();
          const ids = { clusterId: clusterId!, topicId: topic!.topicId };
          await sender.send(this.#outputs(ids, partition, from, to), signal);
          using outside = GroupMembership.outside(library, group);
          const position = { topic: input, partition, offset: to };
          await producer.sendOffsets(outside, [position], REQUEST_MS);
          await producer.commitTransaction(REQUEST_MS);
          next[partition] = to;
          this.#transactions++;
        }
        await pause(5);
      }
    } catch (error) {
      // The cluster was killed, which is what this is for.
      if (!signal.aborted) console.log(`the pool ended: ${error}`);
    }
  }

  #outputs(
    ids: { readonly clusterId: string; readonly topicId: string },
    partition: number,
    from: number,
    to: number,
  ): OutputRecord[] {
    const { group, output, outputPartitions } = this.#options;
    const record = (offset: number, ordinal: number, count: number) => ({
      topic: output,
      partition: (offset + ordinal) % outputPartitions,
      value: `${partition}-${offset}-${ordinal}`,
      headers: [{
        key: COORDINATES_HEADER,
        value: encodeCoordinates({
          ...ids,
          partition,
          offset,
          ordinal,
          count,
          outputTopic: output,
          group,
        }),
      }],
    });
    const records: OutputRecord[] = [];
    for (let offset = from; offset < to; offset++) {
      const count = outputsOf(offset);
      for (let ordinal = 0; ordinal < count; ordinal++) {
        records.push(record(offset, ordinal, count));
      }
    }
    return [...records, record(NEVER_MIRRORED + from, 0, 1)];
  }
}
