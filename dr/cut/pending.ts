/**
 * The cut that is being waited for: which groups may be released now, and which
 * will not be, with this cut. Pure; the clock is passed in.
 */
import { type Behind, behindEnds, type Cut, verdicts } from "./cut.ts";
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { OutputsOf, Positions } from "./types.ts";

export interface PendingOptions {
  readonly outputsOf: OutputsOf;
  /**
   * A partition that is behind and has not moved for so long counts as stopped,
   * for this cut: a hanging transaction in one must not hold all groups. Those
   * that it may concern are sampled anew with the next cut.
   */
  readonly stallMs: number;
}

export interface Held {
  readonly group: string;
  readonly behind: Behind;
}

export interface Review {
  /** To be released now; they are not named again. */
  readonly ready: readonly string[];
  /** Given up with this cut; they are not named again. */
  readonly held: readonly Held[];
  /** Groups that still wait. */
  readonly waiting: number;
  /** For what, partitions in no order. */
  readonly behind: readonly Behind[];
}

export class PendingCut {
  readonly cut: Cut;
  readonly #options: PendingOptions;
  readonly #open: Set<string>;
  /** By partition that is behind: where it stood, and since when. */
  #stood = new Map<string, { readonly at: number; readonly sinceMs: number }>();

  constructor(cut: Cut, options: PendingOptions) {
    this.cut = cut;
    this.#options = options;
    this.#open = new Set(cut.groups.keys());
  }

  get isOver(): boolean {
    return this.#open.size === 0;
  }

  /** @param nowMs of any clock that only goes forward */
  review(positions: Positions, nowMs: number): Review {
    const behind = this.#stalled(behindEnds(this.cut, positions), nowMs);
    const ready: string[] = [];
    const held: Held[] = [];
    const { outputsOf } = this.#options;
    const reasons = new Map(behind.map((each) => [keyOf(each), each.reason]));
    const now: Positions = {
      position: (tp) => positions.position(tp),
      stopped: (tp) => reasons.get(keyOf(tp)) ?? positions.stopped(tp),
    };
    const all = verdicts(this.cut, now, behind, this.#open, outputsOf);
    for (const [group, verdict] of all) {
      switch (verdict.kind) {
        case "complete":
          ready.push(group);
          break;
        case "held":
          held.push({ group, behind: verdict.behind });
          break;
        case "waiting":
          continue;
      }
      this.#open.delete(group);
    }
    return { ready, held, waiting: this.#open.size, behind };
  }

  #stalled(behind: readonly Behind[], nowMs: number): Behind[] {
    const stood = new Map<string, { at: number; sinceMs: number }>();
    const found = behind.map((each) => {
      const key = keyOf(each);
      const at = each.position ?? 0;
      const before = this.#stood.get(key);
      const sinceMs = before?.at === at ? before.sinceMs : nowMs;
      stood.set(key, { at, sinceMs });
      if (nowMs - sinceMs < this.#options.stallMs) return each;
      return { ...each, reason: each.reason ?? "it does not move" };
    });
    this.#stood = stood;
    return found;
  }
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
