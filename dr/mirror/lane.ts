/**
 * One lane of a mirror, while this process owns it: one thread, one transactional
 * id, the source partitions that hash to it.
 *
 *     initialise the id (fences whoever had the lane) ─> read where it stands
 *        ^                                                  │
 *        │ after any abort, crash or doubt                   v
 *        └────────────────────────────── mirror, transaction by transaction
 *
 * Nothing that was read before the id was initialised counts, and nothing is
 * tried again: what became of the last transaction is read anew.
 */
import type {
  Library,
  ProducerProperties,
  TopicPartition,
} from "../../src/kafka/mod.ts";
import { CrashHistory } from "../../src/pool/crash_history.ts";
import type {
  FromWorker,
  MirrorJob,
  Ownership,
  Position,
  TransactionNote,
} from "../../src/pool/protocol.ts";
import { Serial } from "../../src/pool/serial.ts";
import { WorkerThread } from "../../src/pool/thread.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { decodeLaneRecord } from "../offset_map/mod.ts";
import {
  type Evidence,
  evidenceOf,
  type MirroredTopic,
} from "../topics/mod.ts";
import { pause, unlessAborted } from "../waits.ts";
import type { LaneExamination } from "./examination.ts";
import type { LanePartition, Partitions } from "./lane_partitions.ts";
import type { LaneState } from "./lane_state.ts";
import { added, type Mirrored, NOTHING_MIRRORED } from "./mirrored.ts";
import type { LaneLogKeeper } from "./lane_log_keeper.ts";
import type { SourceClient, SourceClients } from "./source_clients.ts";

export interface LaneParts {
  readonly library: Library;
  /** Of the source, without a group; all lanes of the process share them. */
  readonly source: Pick<SourceClients, "take">;
  /** Of the target, but for the transactional id. */
  readonly producer: ProducerProperties;
  readonly job: Omit<MirrorJob, "lane">;
  readonly transactionalId: (lane: number) => string;
  readonly rateLimit: SharedArrayBuffer;
  readonly readState: (lane: number, signal: AbortSignal) => Promise<LaneState>;
  /** Topics that are there on both sides, of all lanes. */
  readonly topics: () => readonly MirroredTopic[];
  /** What of the topics belongs to this lane, and where each partition stands. */
  readonly partitions: (
    lane: number,
    state: LaneState,
    source: SourceClient,
  ) => Partitions;
  readonly keeper: (
    lane: number,
    state: LaneState,
    partitions: Partitions,
  ) => LaneLogKeeper;
  readonly log: Log;
}

export type LaneStatus = "opening" | "running" | "waiting" | "closed";

const MIRROR_WORKER = new URL(
  "../../workers/mirror_worker.ts",
  import.meta.url,
);
const COMMIT_MS = 30_000;

export class Lane {
  readonly number: number;
  readonly #parts: LaneParts;
  readonly #crashes = new CrashHistory();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #status: LaneStatus = "opening";
  #drainMs = 0;
  #life: Life | null = null;
  #mirrored: Mirrored = NOTHING_MIRRORED;

  constructor(number: number, parts: LaneParts) {
    this.number = number;
    this.#parts = parts;
    this.#running = this.#run();
  }

  get status(): LaneStatus {
    return this.#status;
  }

  /** Since the lane is here. */
  get mirrored(): Mirrored {
    return this.#mirrored;
  }

  get thread(): WorkerThread | null {
    return this.#life?.thread ?? null;
  }

  get partitions(): readonly LanePartition[] {
    return this.#life?.partitions?.all ?? [];
  }

  /** The high watermark that the last fetch told; null: none yet. */
  endOf(tp: TopicPartition): number | null {
    return this.#life?.source.consumer.knownHighWatermark(tp) ?? null;
  }

  /** The topics have changed: takes over what is new. */
  refresh(): void {
    this.#life?.adopt();
  }

  /** Of what it has now; null: it has yet to find out. */
  examination(): LaneExamination | null {
    return this.#life?.examination() ?? null;
  }

  /** What it does is void; it begins anew. */
  giveUp(reason: string): void {
    this.#life?.fail(reason);
  }

  /** Settles what it has within the time, and ends. */
  async close(drainMs: number): Promise<void> {
    this.#drainMs = drainMs;
    this.#stop.abort(new Error("the lane is closed"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const life = new Life(this.number, this.#parts, (note) => {
        this.#mirrored = added(this.#mirrored, note);
      });
      this.#life = life;
      this.#status = "opening";
      let reason: string | null;
      try {
        await life.open(signal);
        this.#status = "running";
        reason = await life.ended(signal);
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
      this.#status = "waiting";
      this.#life = null;
      await life.close(signal.aborted ? this.#drainMs : 0);
      if (signal.aborted || reason === null) break;
      const delayMs = this.#crashes.add(performance.now());
      log.warn("lane begins anew", {
        lane: this.number,
        reason,
        delayMs: Math.round(delayMs),
      });
      await pause(delayMs, signal);
    }
    this.#status = "closed";
  }
}

/** From one initialisation of the lane's id to the end of that. */
class Life {
  readonly thread: WorkerThread;
  readonly source: SourceClient;
  partitions: Partitions | null = null;
  readonly #parts: LaneParts;
  readonly #lane: number;
  readonly #onMirrored: (note: TransactionNote) => void;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<string>();
  readonly #serial = new Serial();
  readonly #abort = new AbortController();
  #keeper: LaneLogKeeper | null = null;
  #committing: Promise<void> = Promise.resolve();

  constructor(
    lane: number,
    parts: LaneParts,
    onMirrored: (note: TransactionNote) => void,
  ) {
    this.#lane = lane;
    this.#parts = parts;
    this.#onMirrored = onMirrored;
    this.#ended.promise.then(() =>
      this.#abort.abort(new Error("it has ended"))
    );
    const { job, library, producer, rateLimit, transactionalId } = parts;
    this.source = parts.source.take();
    this.thread = new WorkerThread({
      module: MIRROR_WORKER,
      id: lane,
      slot: lane,
      library,
      consumer: this.source.consumer,
      producerProperties: () => ({
        ...producer,
        "transactional.id": transactionalId(lane),
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
    const { keeper, log, partitions, readState } = this.#parts;
    const either = AbortSignal.any([signal, this.#abort.signal]);
    // The thread is ready once its id is initialised.
    await this.#before(this.#ready.promise, signal);
    const state = await readState(this.#lane, either);
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
      const { topics } = this.#parts;
      const { partitions, source: { consumer }, thread } = this;
      if (partitions === null || this.#abort.signal.aborted) return;
      const mirrored = topics();
      thread.mirror(mirrored);
      const added = await partitions.add(mirrored, this.#abort.signal);
      if (added.length === 0) return;
      for (const { tp } of added) consumer.forward(tp, thread.queue);
      // Records that come before the thread knows of them would be dropped.
      await thread.assign(added);
      consumer.assign(added.map(({ tp, next }) => ({ ...tp, offset: next })));
    }).catch((error) => this.fail(String(error)));
  }

  /** Where it ends meanwhile nothing is believed: the next life looks itself. */
  examination(): LaneExamination | null {
    const { partitions } = this;
    if (partitions === null || this.#abort.signal.aborted) return null;
    return {
      examinees: partitions.examinees(),
      believes: (examinee, damage) =>
        !this.#abort.signal.aborted && partitions.believes(examinee, damage),
      found: (findings) => {
        const reason = partitions.found(findings);
        if (reason !== null) this.fail(reason);
      },
    };
  }

  async close(drainMs: number): Promise<void> {
    const { consumer } = this.source;
    // The thread must still hear of the records that are to be committed, or
    // librdkafka waits for it until the commit's time is over.
    await this.#committing;
    await this.thread.stop(drainMs);
    await this.#committing;
    this.#ended.resolve("it is closed");
    await this.#serial.idle();
    const assigned = this.partitions?.all.filter(({ isOpen }) => isOpen) ?? [];
    if (assigned.length > 0) consumer.unassign(assigned.map(({ tp }) => tp));
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
      await this.partitions!.verify(positions, signal);
      await thread.producer.commitTransaction(COMMIT_MS);
      thread.producer.beginTransaction();
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
    thread.committed();
  }

  async #before(promise: Promise<void>, signal: AbortSignal): Promise<void> {
    const end = await unlessAborted(
      Promise.race([promise, this.#ended.promise]),
      signal,
    );
    if (typeof end === "string") throw new Error(end);
  }
}
