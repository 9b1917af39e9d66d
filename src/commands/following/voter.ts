/**
 * Says in the votes topic whether this pool gets on with the active cluster, each
 * second and when that changes: while it does, no sentinel takes that cluster for
 * dead. What it cannot say disturbs nobody; silence is no veto.
 */
import { RecordWriter } from "../../../dr/cut/record_writer.ts";
import { withDeadline } from "../../../dr/state/deadline.ts";
import {
  encodeVote,
  type StateClusters,
  type Vote,
  VOTES_TOPIC,
} from "../../../dr/state/mod.ts";
import { pause } from "../../../dr/waits.ts";
import type { OutputRecord } from "../../kafka/mod.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Assignment } from "./assignment.ts";

/** What a pool has done under a state. */
export interface Progress {
  /** Of the newest state; 0: there is none, so there is nobody to vote for. */
  readonly epoch: number;
  /** Null: it is not at work. */
  readonly working: {
    readonly assignment: Assignment;
    /** Records that it has settled there. */
    readonly consumed: number;
  } | null;
}

export interface VoterParts extends StateClusters {
  /** Unique. */
  readonly voter: string;
  readonly progress: () => Progress;
  readonly log: Log;
}

const EVERY_MS = 1_000;
const LOOK_MS = 200;
/**
 * A pool that has settled nothing for so long does not get on: machines stand
 * still for a second, and sentinels take as long as this to find a cluster dead.
 */
const PATIENCE_MS = 2_000;
/** Looks that are further apart: it was this process that stood still. */
const APART_MS = 500;
/** Of a vote: one that is later is cast anew. */
const CAST_MS = 2_000;
/** Of taking it back, which delays the end of the process. */
const WITHDRAW_MS = 500;

/** Whether records were settled in the last while, in the same work. */
export class ProgressWatch {
  readonly #patienceMs: number;
  #seen: Progress["working"] = null;
  #lookedMs = 0;
  /** For how long nothing was settled, as far as it was looked at. */
  #stillMs = Infinity;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  look({ working }: Progress, nowMs: number): boolean {
    const isSame = working?.assignment === this.#seen?.assignment;
    const before = isSame ? this.#seen?.consumed ?? 0 : 0;
    this.#stillMs += Math.min(nowMs - this.#lookedMs, APART_MS);
    if (!isSame) this.#stillMs = Infinity;
    if (working !== null && working.consumed > before) this.#stillMs = 0;
    this.#lookedMs = nowMs;
    this.#seen = working;
    return this.#stillMs < this.#patienceMs;
  }
}

export class Voter implements AsyncDisposable {
  readonly #parts: VoterParts;
  readonly #writer: RecordWriter;
  readonly #closed = new AbortController();
  readonly #voting: Promise<void>;
  readonly #watch = new ProgressWatch(PATIENCE_MS);
  #isReady = false;
  #hasVoted = false;
  #isSilent = false;

  constructor(parts: VoterParts) {
    const { clusters, library, onClientEvent } = parts;
    this.#parts = parts;
    this.#writer = new RecordWriter({
      library,
      properties: clusters.secondary.producer,
      onEvent: onClientEvent,
    });
    this.#voting = this.#vote();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(new Error("no more votes"));
    await this.#voting;
    if (this.#hasVoted) await this.#withdraw();
    await this.#writer[Symbol.asyncDispose]();
  }

  async #vote(): Promise<void> {
    const { log, progress } = this.#parts;
    const { signal } = this.#closed;
    let said = false;
    let castMs = -Infinity;
    for (; !signal.aborted; await pause(LOOK_MS, signal)) {
      const now = progress();
      const nowMs = performance.now();
      const getsOn = this.#watch.look(now, nowMs);
      const isDue = getsOn !== said || nowMs - castMs >= EVERY_MS;
      if (now.epoch === 0 || !isDue) continue;
      castMs = nowMs;
      try {
        await this.#cast(now.epoch, getsOn);
        said = getsOn;
        this.#isSilent = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#isSilent) log.debug("vote was not cast", { error });
        this.#isSilent = true;
      }
    }
  }

  async #cast(epoch: number, isProgressing: boolean): Promise<void> {
    const { voter } = this.#parts;
    const vote: Vote = {
      voter,
      kind: "pool",
      epoch,
      // That records are settled is what a pool knows for certain.
      health: { primary: "unknown", secondary: "unknown" },
      isProgressing,
    };
    await this.#mustBeThere();
    await this.#write(encodeVote(vote), CAST_MS, this.#closed.signal);
    this.#hasVoted = true;
  }

  /** Brokers would make the topic, with settings of their own. */
  async #mustBeThere(): Promise<void> {
    if (this.#isReady) return;
    const { admin } = this.#parts.clusters.secondary;
    const { topics } = await admin.metadata(VOTES_TOPIC, CAST_MS);
    const [topic] = topics;
    if (topic === undefined) throw new Error(`there is no ${VOTES_TOPIC}`);
    if (topic.error !== null) throw topic.error;
    this.#isReady = true;
  }

  async #withdraw(): Promise<void> {
    const record = { key: this.#parts.voter, value: null };
    try {
      await this.#write(record, WITHDRAW_MS, new AbortController().signal);
    } catch (error) {
      // It is too old soon anyway.
      this.#parts.log.debug("vote was not withdrawn", { error });
    }
  }

  #write(
    record: Pick<OutputRecord, "key" | "value">,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const output = { ...record, topic: VOTES_TOPIC, partition: 0 };
    return withDeadline(
      timeoutMs,
      "cast a vote",
      signal,
      (limited) => this.#writer.write([output], limited),
    );
  }
}
