/**
 * What the leader of a mirror does beside topics: one cut after another, and
 * the writers of heartbeats and offset syncs.
 *
 *     prepare ─> sample ─> wait until the mirror is there ─> release ─┐
 *                  ^                                                  │
 *                  └──────────── interval since it began ─────────────┘
 *
 * The interval grows where many partitions and groups make a cut dear: see `restMs`.
 * A cluster that is down is logged once, asked again, and ends nothing.
 */
import type { Log } from "../../src/telemetry/log.ts";
import { type Behind, type Cut, lowestOf } from "./cut.ts";
import { Notes } from "./notes.ts";
import {
  type Held,
  PendingCut,
  type PendingOptions,
  type Review,
} from "./pending.ts";
import type { ReleaseReport } from "./release.ts";
import { repeat } from "./repeat.ts";
import type { OffsetTable, Positions } from "./types.ts";
import { pause } from "../waits.ts";

/** Work beside the cuts. */
export interface SideWork {
  /** As in "<what> fails". */
  readonly what: string;
  readonly everyMs: number;
  readonly work: (signal: AbortSignal) => Promise<void>;
}

export interface LeaderParts extends PendingOptions {
  /** Creates and reads what the rest needs; repeated until it has worked. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  readonly sample: (signal: AbortSignal) => Promise<Cut>;
  readonly release: (
    cut: Cut,
    groups: readonly string[],
    signal: AbortSignal,
  ) => Promise<ReleaseReport>;
  readonly positions: Positions;
  readonly beside: readonly SideWork[];
  /** From one sampling to the next at least. */
  readonly intervalMs: number;
  /** How often the mirror's positions are looked at. */
  readonly checkMs: number;
  /** A cut that waits longer is reported. */
  readonly lateMs: number;
  readonly log: Log;
}

export interface LeaderStatus {
  /** Of the cut that is, or was last, waited for; ms since the epoch. */
  readonly sampledAtMs: number | null;
  /** Groups that wait for the mirror to reach it. */
  readonly waiting: number;
  /** Partitions that are not mirrored as far as it wants. */
  readonly behind: number;
  /** Groups that are not released with it, because of stopped partitions. */
  readonly held: number;
  /**
   * `sampledAtMs` of the last cut of which anything was released as far as it
   * could be, or nothing was to be.
   */
  readonly releasedAtMs: number | null;
}

const PREPARE_AGAIN_MS = 1_000;
/** Clusters answer for cuts no more than a tenth of the time, up to such a rest. */
const COST = 10;
const LONGEST_REST_MS = 5_000;
/** Partitions and groups that a line of the log names. */
const NAMED = 5;

export class CutLeader implements AsyncDisposable {
  /** Rejects with a bug, never because of a cluster. */
  readonly ended: Promise<void>;
  readonly #parts: LeaderParts;
  readonly #stop = new AbortController();
  readonly #notes: Notes;
  #status: LeaderStatus = {
    sampledAtMs: null,
    waiting: 0,
    behind: 0,
    held: 0,
    releasedAtMs: null,
  };
  #lowest: OffsetTable | null = null;

  /** Begins at once. */
  constructor(parts: LeaderParts) {
    this.#parts = parts;
    this.#notes = new Notes(parts.log);
    this.ended = this.#run();
    this.ended.catch(() => {}); // whoever awaits it has the error
  }

  get status(): LeaderStatus {
    return this.#status;
  }

  /** See `lowestOf`; null before the first cut. */
  get lowest(): OffsetTable | null {
    return this.#lowest;
  }

  /** Ends the work under way and waits for it; it does not throw. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("the leader stops", "AbortError"));
    await this.ended.catch(() => {});
  }

  async #run(): Promise<void> {
    const { beside, intervalMs, log, prepare } = this.#parts;
    const prepared = new AbortController();
    const stop = this.#stop.signal;
    await repeat(async (signal) => {
      await prepare(signal);
      prepared.abort();
    }, {
      what: "preparing the mirror's own topics",
      everyMs: PREPARE_AGAIN_MS,
      log,
      signal: AbortSignal.any([stop, prepared.signal]),
    });
    const works = [
      {
        what: "releasing group positions",
        everyMs: intervalMs,
        work: (signal: AbortSignal) => this.#oneCut(signal),
      },
      ...beside,
    ];
    try {
      await Promise.all(works.map(async ({ work, ...each }) => {
        try {
          await repeat(work, { ...each, log, signal: stop });
        } catch (error) {
          this.#stop.abort(error); // the others end, too
          throw error;
        }
      }));
    } finally {
      this.#stop.abort();
    }
  }

  async #oneCut(signal: AbortSignal): Promise<void> {
    const { checkMs, lateMs, positions, sample } = this.#parts;
    const sampledMs = performance.now();
    const cut = await sample(signal);
    const begunMs = performance.now();
    let busyMs = begunMs - sampledMs;
    const pending = new PendingCut(cut, this.#parts);
    const { sampledAtMs } = cut;
    const groups = cut.groups.size;
    this.#status = {
      sampledAtMs,
      waiting: groups,
      behind: this.#status.behind,
      held: 0,
      releasedAtMs: groups === 0 ? sampledAtMs : this.#status.releasedAtMs,
    };
    this.#lowest = lowestOf(cut);
    this.#sayFailed("some groups cannot be read", cut.failed);
    const held: Held[] = [];
    for (;;) {
      const nowMs = performance.now();
      const review = pending.review(positions, nowMs);
      held.push(...review.held);
      this.#note(review, held);
      await this.#release(cut, review.ready, signal);
      busyMs += performance.now() - nowMs;
      if (pending.isOver) break;
      if (nowMs - begunMs >= lateMs) this.#sayLate(review);
      await pause(checkMs, signal);
      signal.throwIfAborted();
    }
    this.#notes.say("a cut is late", null);
    this.#sayHeld(held);
    await pause(restMs(busyMs, performance.now() - sampledMs), signal);
  }

  async #release(
    cut: Cut,
    groups: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    if (groups.length === 0) return;
    const { failed, plans } = await this.#parts.release(
      cut,
      groups,
      signal,
    );
    // Others may be in use on the target, or get checkpoints alone.
    if (failed.size < groups.length) {
      this.#status = { ...this.#status, releasedAtMs: cut.sampledAtMs };
    }
    this.#sayFailed("some groups cannot be released", failed);
    for (const [group, { inexact, withheld, withoutFinished }] of plans) {
      const isSaid = withoutFinished + inexact.length + withheld.length > 0;
      this.#notes.say(
        `group "${group}"`,
        isSaid
          ? {
            message: "would repeat records on the target",
            fields: {
              lowerBounds: inexact.length,
              withoutFinished,
              withheld: withheld.length,
              reason: withheld[0]?.reason,
            },
          }
          : null,
      );
    }
  }

  #note(
    { behind, waiting }: Review,
    held: readonly Held[],
  ): void {
    this.#status = {
      ...this.#status,
      waiting,
      behind: behind.length,
      held: held.length,
    };
  }

  /** By partition: it is one fault, however many groups it holds. */
  #sayHeld(held: readonly Held[]): void {
    const partitions = new Map<string, string>();
    for (const { behind } of held) {
      const { partition, reason, topic } = behind;
      partitions.set(`${topic} [${partition}]`, reason ?? "");
    }
    this.#notes.say(
      "groups are not released",
      partitions.size === 0 ? null : {
        message: "what they may have caused is not on the target",
        fields: {
          groups: held.length,
          partitions: Object.fromEntries([...partitions].slice(0, NAMED)),
        },
      },
    );
  }

  #sayFailed(subject: string, failed: ReadonlyMap<string, string>): void {
    this.#notes.say(
      subject,
      failed.size === 0 ? null : {
        message: "they are tried again with the next cut",
        fields: { groups: Object.fromEntries([...failed].slice(0, NAMED)) },
      },
    );
  }

  #sayLate({ behind }: Review): void {
    const named = behind.slice(0, NAMED).map(text);
    this.#notes.say("a cut is late", {
      message: "the mirror has not reached it yet",
      fields: { partitions: named },
    });
  }
}

/**
 * How long to wait after a cut for the sake of the clusters, whatever the
 * interval is. Pure.
 * @param busyMs for how long they were asked
 * @param passedMs since it began
 */
export const restMs = (busyMs: number, passedMs: number): number =>
  Math.max(0, Math.min(COST * busyMs, LONGEST_REST_MS) - passedMs);

const text = ({ partition, topic }: Behind) => `${topic} [${partition}]`;
