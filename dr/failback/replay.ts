/**
 * Brings the tail of one partition to the active cluster, exactly once however
 * often it is broken off:
 *
 *     initialise the id     fences and aborts who was at it before
 *     read the chunks       say where to go on; nobody else writes them now
 *     a transaction each:   records, then the chunk with their offsets
 *
 * A record of the tail is copied as it is, with its timestamp, and with its
 * origin in a header behind its own. Outputs of pools are not: they are made
 * again, and the chunk says of which inputs they are, so that the mirror back
 * leaves out what the old cluster has (`made_outputs.ts`). Not of a compacted
 * topic: there the order decides which value of a key counts, and must be the
 * same on both.
 */
import {
  type Admin,
  type Batch,
  type ConsumerProperties,
  isFencedProducer,
  KafkaError,
  type Library,
  type OutputRecord,
  readTopic,
} from "../../src/kafka/mod.ts";
import { outputAt } from "../failover/read_outputs.ts";
import { type Flow, NAMESPACE, replayTopic } from "../formats/mod.ts";
import { Sender, type SenderOptions, transactional } from "../sender.ts";
import { pause } from "../waits.ts";
import { FailbackError } from "./errors.ts";
import { type InputSides, MadeOutputs } from "./made_outputs.ts";
import { withOrigin } from "./origin.ts";
import {
  type Chunk,
  chunkRecord,
  chunkRuns,
  type Treatment,
} from "./replay_records.ts";
import { readReplayLog } from "./replay_log_topic.ts";

export interface ReplayParts extends SenderOptions {
  readonly library: Library;
  /** From the old cluster to the active one. */
  readonly flow: Flow;
  /** Of the old cluster. */
  readonly oldConsumer: ConsumerProperties;
  readonly oldClusterId: string;
  /** Of the active one, like the properties. */
  readonly admin: Admin;
  readonly consumer: ConsumerProperties;
  readonly inputs: InputSides;
  /** Is committed. */
  readonly onChunk: (chunk: Chunk) => void;
}

/** The tail of one partition of the old cluster. */
export interface ReplayWork {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  readonly isCompacted: boolean;
  readonly action: Treatment;
  /** Where copies go, to the partition of the same number. */
  readonly target: string;
  /** Of that topic; "" where nothing is copied. */
  readonly targetId: string;
}

const REQUEST_MS = 10_000;
const AGAIN_MS = 100;
const ATTEMPTS = 20;

export const replayTransactionalId = (
  { partition, topic }: Pick<ReplayWork, "partition" | "topic">,
): string => `${NAMESPACE}-replay-${topic}-${partition}`;

/**
 * @throws {FailbackError} where another took it over.
 * @throws {KafkaError | ReadError} where a cluster refuses, or does not answer
 * again and again; the signal's reason.
 */
export async function replayPartition(
  parts: ReplayParts,
  work: ReplayWork,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await attemptReplay(parts, work, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof KafkaError)) throw error;
      if (isFencedProducer(error.code)) {
        throw new FailbackError(
          "failed",
          `another failback has taken over ${work.topic} [${work.partition}]`,
        );
      }
      if (attempt === ATTEMPTS || !error.retriable) throw error;
    }
    await pause(AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}

async function attemptReplay(
  parts: ReplayParts,
  work: ReplayWork,
  signal: AbortSignal,
): Promise<void> {
  await using sender = new Sender({
    ...parts,
    properties: {
      ...transactional(parts.properties, replayTransactionalId(work)),
      "linger.ms": 1,
    },
  });
  await sender.initTransactions(REQUEST_MS, signal);
  const log = await readReplayLog(parts, signal);
  const from = Math.max(work.start, log.next(work));
  const { end, partition, topic } = work;
  if (from >= end) return;
  const replay = new Replay(parts, work, sender, from);
  const batches = readTopic({
    library: parts.library,
    properties: parts.oldConsumer,
    topic,
    ranges: [{ partition, start: from, end }],
    signal,
  });
  for await (const batch of batches) await replay.copy(batch, signal);
  // Reading ends early then, and says nothing.
  signal.throwIfAborted();
  await replay.finish(signal);
}

class Replay {
  readonly #parts: ReplayParts;
  readonly #work: ReplayWork;
  readonly #sender: Sender;
  readonly #outputs: MadeOutputs;
  #from: number;

  constructor(
    parts: ReplayParts,
    work: ReplayWork,
    sender: Sender,
    from: number,
  ) {
    this.#parts = parts;
    this.#work = work;
    this.#sender = sender;
    this.#outputs = new MadeOutputs(parts.inputs);
    this.#from = from;
  }

  async copy(batch: Batch, signal: AbortSignal): Promise<void> {
    const { action, isCompacted, partition, target, topicId } = this.#work;
    const isCopied = action === "replay" || action === "quarantine";
    const { oldClusterId: clusterId } = this.#parts;
    const offsets: number[] = [];
    const records: OutputRecord[] = [];
    for (let at = 0; at < batch.count; at++) {
      const output = outputAt(batch, at);
      if (output !== null) {
        if (!isCompacted) this.#outputs.take(...output);
        continue;
      }
      if (!isCopied) continue;
      const offset = batch.offset(at);
      const timestampMs = batch.timestamp(at);
      const origin = { clusterId, topicId, partition, offset };
      offsets.push(offset);
      records.push({
        topic: target,
        partition,
        key: batch.key(at),
        value: batch.value(at),
        headers: withOrigin(batch.headers(at), origin),
        ...timestampMs < 0 ? {} : { timestampMs },
      });
    }
    const next = batch.offset(batch.count - 1) + 1;
    await this.#commit(offsets, records, next, signal);
  }

  /** What is behind the last record, and perhaps all, are markers. */
  async finish(signal: AbortSignal): Promise<void> {
    const { end } = this.#work;
    if (this.#from < end) await this.#commit([], [], end, signal);
  }

  async #commit(
    offsets: readonly number[],
    records: readonly OutputRecord[],
    next: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { flow, onChunk } = this.#parts;
    const { producer } = this.#sender;
    producer.beginTransaction();
    const copies = records.length === 0
      ? []
      : await this.#sender.send(records, signal);
    const unknown = copies.some((copy) => copy < 0);
    if (unknown) {
      throw new FailbackError(
        "failed",
        "the offset of a copy is not known; run it again",
      );
    }
    const { action, partition, target, targetId, topic, topicId } = this.#work;
    const chunk: Chunk = {
      topic,
      topicId,
      partition,
      from: this.#from,
      next,
      action,
      target,
      targetId,
      runs: chunkRuns(offsets.map((each, at) => [each, copies[at]!])),
      ...this.#outputs.takeAll(),
    };
    const marker = { ...chunkRecord(chunk), partition: 0 };
    await this.#sender.send(
      [{ ...marker, topic: replayTopic(flow.source) }],
      signal,
    );
    await this.#sender.serving(producer.commitTransaction(REQUEST_MS), signal);
    this.#from = next;
    onChunk(chunk);
  }
}
