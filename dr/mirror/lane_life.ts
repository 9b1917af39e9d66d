/** A lane from one initialisation of its id to the end of that: see `Lane`. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type {
  FromWorker,
  Ownership,
  Position,
  TransactionNote,
} from "../../src/pool/protocol.ts";
import { recorded, type SpanAbout } from "../../src/telemetry/span_recorder.ts";
import { Serial } from "../../src/pool/serial.ts";
import { WorkerThread } from "../../src/pool/thread.ts";
import { decodeLaneRecord } from "../offset_map/mod.ts";
import { type Evidence, evidenceOf } from "../topics/mod.ts";
import { unlessAborted } from "../waits.ts";
import { assignChecked } from "./checked_assign.ts";
import type { LaneExamination } from "./examination.ts";
import type { LaneLogKeeper } from "./lane_log_keeper.ts";
import type { LaneParts } from "./lane_parts.ts";
import type { Partitions } from "./lane_partitions.ts";
import type { SourceClient } from "./source_clients.ts";
import { untilKnown } from "./until_known.ts";

const MIRROR_WORKER = new URL(
  "../../workers/mirror_worker.ts",
  import.meta.url,
);
const COMMIT_MS = 30_000;
const METADATA_MS = 10_000;

export class Life {
  readonly thread: WorkerThread;
  readonly source: SourceClient;
  partitions: Partitions | null = null;
  readonly #parts: LaneParts;
  readonly #lane: number;
  /** Where transactions of others are open. */
  readonly #foreign: Set<string>;
  readonly #batchBytes: number;
  readonly #onMirrored: (note: TransactionNote) => void;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<string>();
  readonly #serial = new Serial();
  readonly #abort = new AbortController();
  readonly #assigned: TopicPartition[] = [];
  #keeper: LaneLogKeeper | null = null;
  #committing: Promise<void> = Promise.resolve();

  constructor(
    lane: number,
    parts: LaneParts,
    foreign: Set<string>,
    onMirrored: (note: TransactionNote) => void,
  ) {
    this.#lane = lane;
    this.#parts = parts;
    this.#foreign = foreign;
    this.#onMirrored = onMirrored;
    this.#ended.promise.then(() =>
      this.#abort.abort(new Error("it has ended"))
    );
    const { job, library, producer, rateLimit } = parts;
    this.#batchBytes = parts.batchBytes(lane);
    this.source = parts.source.take();
    this.thread = new WorkerThread({
      module: MIRROR_WORKER,
      id: lane,
      slot: lane,
      library,
      consumer: this.source.consumer,
      producerProperties: () => ({
        ...producer(lane),
        "batch.size": this.#batchBytes,
      }),
      rateLimit,
      job: { ...job, lane },
      refused: [],
      events: {
        onReady: () => this.#ready.resolve(),
        onMessage: (_, message) => this.#receive(message),
        onFailed: (_, { message }) => this.#ended.resolve(message),
      },
    });
  }

  /** @throws when it ends before it has begun. */
  async open(signal: AbortSignal): Promise<void> {
    const { keeper, log, partitions, readState, statePartitions } = this.#parts;
    const either = AbortSignal.any([signal, this.#abort.signal]);
    // The thread is ready once its id is initialised.
    await this.#before(this.#ready.promise, signal);
    await this.#endHanging(await statePartitions(this.#lane), either);
    const state = await readState(this.#lane, either);
    if (state.kept !== undefined && state.kept.length > 0) {
      this.thread.keep(state.kept);
    }
    this.partitions = partitions(this.#lane, state, this.source);
    this.#keeper = keeper(this.#lane, state, this.partitions);
    this.adopt();
    await this.#before(this.#serial.idle(), signal);
    const positions = this.partitions.all
      .map(({ next, tp }) => `${tp.topic}-${tp.partition}@${next}`);
    log.debug("lane begins", { lane: this.#lane, positions });
  }

  /** @returns why; null: it is to be closed. */
  async ended(signal: AbortSignal): Promise<string | null> {
    try {
      return await unlessAborted(this.#ended.promise, signal);
    } catch {
      return null; // that it has ended is told, and not thrown
    }
  }

  fail(reason: string): void {
    this.#ended.resolve(reason);
  }

  /** Takes over partitions that it has not yet. */
  adopt(): void {
    this.#serial.run(async () => {
      const { batchBytes, topics } = this.#parts;
      const { partitions, source: { consumer }, thread } = this;
      if (partitions === null || this.#abort.signal.aborted) return;
      const { signal } = this.#abort;
      const mirrored = topics();
      partitions.expectSame(mirrored);
      if (batchBytes(this.#lane) < this.#batchBytes) {
        throw new Error("a target topic takes smaller batches");
      }
      thread.mirror(mirrored);
      if (partitions.lacks(mirrored)) {
        // What it knows of topics may be minutes old, and then partitions that
        // were added would be unknown to it for minutes more.
        await unlessAborted(consumer.partitionCounts(METADATA_MS), signal);
      }
      const added = await partitions.add(mirrored, signal);
      if (added.length === 0) return;
      const positions = added.map(({ position }) => position);
      const targets = new Map(
        mirrored.map(({ topic, target }) => [topic, target]),
      );
      const written = positions.map(({ tp: { topic, partition } }) => ({
        topic: targets.get(topic)!,
        partition,
      }));
      await this.#endHanging(written, signal);
      // Brokers are not all told of new partitions at once, and their leaders
      // have answered by now.
      await untilKnown(thread.producer, written, signal);
      for (const { tp } of positions) consumer.forward(tp, thread.queue);
      thread.begin(added.map(({ beginning }) => beginning));
      // Records that come before the thread knows of them would be dropped.
      await thread.assign(positions);
      const starts = added.map(({ start }) => start);
      this.#assigned.push(...positions.map(({ tp }) => tp));
      await assignChecked(consumer, starts, signal);
    }).catch((error) => this.fail(String(error)));
  }

  /** Where it ends meanwhile nothing is believed: the next life looks itself. */
  examination(): LaneExamination | null {
    const { partitions } = this;
    const { signal } = this.#abort;
    if (partitions === null || signal.aborted) return null;
    return {
      examinees: partitions.examinees(),
      believes: (examinee, damage) =>
        !signal.aborted && partitions.believes(examinee, damage),
      found: (findings) => {
        if (signal.aborted) return;
        const reason = partitions.found(findings);
        if (reason !== null) this.fail(reason);
      },
    };
  }

  async close(drainMs: number): Promise<void> {
    const { consumer } = this.source;
    // Nothing of it counts, so no commit has to wait for the source's word.
    if (drainMs === 0) this.#ended.resolve("it is closed");
    // The thread must still hear of the records that are to be committed, or
    // librdkafka waits for it until the commit's time is over.
    await this.#committing;
    await this.thread.stop(drainMs);
    await this.#committing;
    this.#ended.resolve("it is closed");
    await this.#serial.idle();
    if (this.#assigned.length > 0) consumer.unassign(this.#assigned);
    // What is left of the thread may keep the client from closing.
    if (await this.thread.close()) this.source.release();
  }

  #receive(message: FromWorker): void {
    const { log } = this.#parts;
    switch (message.kind) {
      case "commit":
        this.#committing = this.#commit(message.partitions, message.note!);
        break;
      case "fetchFailed":
        this.#doubt(message.ownership, evidenceOf(message), message.message);
        break;
      case "logChanged":
        this.#doubt(
          message.ownership,
          { kind: "epochWentDown", offset: message.offset },
          "the epoch of its leader went down",
        );
        break;
      case "log": {
        const { level, message: text, fields } = message.line;
        log[level](text, { lane: this.#lane, ...fields });
        break;
      }
      case "tokenRefresh":
        this.source.consumer.setOauthTokenFailure(
          "use sasl.oauthbearer.method=oidc",
        );
        break;
      default:
        break; // the thread itself has served the others
    }
  }

  /** @throws where something had to be aborted: that fences this life, too. */
  async #endHanging(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<void> {
    const { endHanging } = this.#parts;
    if (await endHanging(this.#lane, partitions, this.#foreign, signal)) {
      throw new Error("transactions were left open");
    }
  }

  /** Its log may not be the one that was read: judged before anything else. */
  #doubt({ tp }: Ownership, evidence: Evidence | null, reason: string): void {
    if (evidence !== null) this.partitions?.doubt(tp, evidence);
    this.fail(`${tp.topic} [${tp.partition}]: ${reason}`);
  }

  async #commit(
    positions: readonly Position[],
    note: TransactionNote,
  ): Promise<void> {
    const { thread } = this;
    try {
      const { signal } = this.#abort;
      signal.throwIfAborted();
      await recorded(this.#parts.spans, this.#about(note), async () => {
        await this.partitions!.verify(positions, signal);
        await thread.producer.commitTransaction(COMMIT_MS);
        thread.producer.beginTransaction();
      });
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
      return;
    }
    this.partitions!.moved(positions);
    this.#onMirrored(note);
    const keeper = this.#keeper!;
    keeper.committed(decodeLaneRecord(note.delta), note);
    const snapshot = keeper.snapshot();
    if (snapshot !== null) thread.snapshot(snapshot);
    // It would begin the next one.
    if (!this.#abort.signal.aborted) thread.committed();
  }

  #about({ bytes, records }: TransactionNote): SpanAbout {
    const { laneTopic } = this.#parts.job;
    return {
      name: `commit ${laneTopic}`,
      kind: "client",
      isFrequent: true,
      attributes: {
        "messaging.system": "kafka",
        "messaging.operation.name": "commit",
        "messaging.operation.type": "settle",
        "messaging.destination.name": laneTopic,
        "messaging.destination.partition.id": String(this.#lane),
        "messaging.batch.message_count": records,
        "switchyard.mirror.bytes": bytes,
        "switchyard.transaction": true,
      },
    };
  }

  async #before(promise: Promise<void>, signal: AbortSignal): Promise<void> {
    const end = await unlessAborted(
      Promise.race([promise, this.#ended.promise]),
      signal,
    );
    if (typeof end === "string") throw new Error(end);
  }
}
