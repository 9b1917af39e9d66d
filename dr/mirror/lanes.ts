/**
 * The lanes of a process: those that the group has given to it, and of them those
 * that are at work, which are all while there is something to mirror, and none
 * while there is not.
 *
 *     given by the group ──┐
 *                          ├──> at work, in the era of the duty
 *     told by the duty ────┘
 *
 * A lane stays given while it rests, so that nobody else need be told.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { Serial } from "../../src/pool/serial.ts";
import { type Duty, UNKNOWN } from "./duty.ts";
import type { Lane } from "./lane.ts";
import type { Leader, Led } from "./leader.ts";
import { added, type Mirrored, NOTHING_MIRRORED } from "./mirrored.ts";

type WorkingLane = Pick<
  Lane,
  | "close"
  | "endOf"
  | "examination"
  | "mirrored"
  | "number"
  | "partitions"
  | "refresh"
  | "status"
  | "thread"
>;

export interface LanesParts<L extends WorkingLane = Lane> {
  readonly openLane: (lane: number, era: number) => L;
  /** Who does what one has to do for all. */
  readonly openLeader: (
    era: number,
  ) => Pick<Leader, "led" | "lowest" | typeof Symbol.asyncDispose>;
  /** For what a lane has under way, when the group takes it. */
  readonly drainMs: number;
}

interface Work<L> {
  readonly lane: L;
  readonly era: number;
}

/** Whoever has this one leads. */
const LEADING_LANE = 0;

export class Lanes<L extends WorkingLane = Lane> {
  readonly #parts: LanesParts<L>;
  readonly #given = new Set<number>();
  readonly #work = new Map<number, Work<L>>();
  /** One a lane: it ends before it begins anew. */
  readonly #serials = new Map<number, Serial>();
  #duty: Duty = UNKNOWN;
  #leader: ReturnType<LanesParts["openLeader"]> | null = null;
  #gone: Mirrored = NOTHING_MIRRORED;

  constructor(parts: LanesParts<L>) {
    this.#parts = parts;
  }

  get duty(): Duty {
    return this.#duty;
  }

  /** At work. */
  get all(): readonly L[] {
    return [...this.#work.values()].map(({ lane }) => lane);
  }

  /** By lanes that are at work no more. */
  get gone(): Mirrored {
    return this.#gone;
  }

  get(lane: number): L | undefined {
    return this.#work.get(lane)?.lane;
  }

  /** See `Leader.lowest`. */
  lowest(tp: TopicPartition): number | null {
    return this.#leader?.lowest(tp) ?? null;
  }

  /** Null: another process leads, or nobody. */
  get led(): Led | null {
    return this.#leader?.led ?? null;
  }

  /** The group gives it to this process. */
  give(lane: number): void {
    this.#given.add(lane);
    this.#settle(lane, 0);
  }

  /**
   * The group takes it.
   * @param isLost somebody else may have it already: nothing of it counts.
   */
  take(lane: number, isLost: boolean): Promise<void> {
    this.#given.delete(lane);
    return this.#settle(lane, isLost ? 0 : this.#parts.drainMs);
  }

  /** Resolves when it is kept to; of an era that is over nothing counts. */
  async follow(duty: Duty): Promise<void> {
    this.#duty = duty;
    await this.#settleAll(0);
  }

  /** All of them, for good. */
  async close(): Promise<void> {
    this.#given.clear();
    await this.#settleAll(this.#parts.drainMs);
  }

  async #settleAll(drainMs: number): Promise<void> {
    const lanes = new Set([...this.#given, ...this.#work.keys()]);
    await Promise.all(
      Array.from(lanes, (lane) => this.#settle(lane, drainMs)),
    );
  }

  /** Brings about what is wanted when its turn comes. */
  #settle(number: number, drainMs: number): Promise<void> {
    let serial = this.#serials.get(number);
    if (serial === undefined) {
      this.#serials.set(number, serial = new Serial());
    }
    return serial.run(async () => {
      const work = this.#work.get(number);
      if (work !== undefined) {
        if (work.era === this.#wantedEra(number)) return;
        await this.#close(work.lane, drainMs);
      }
      const era = this.#wantedEra(number);
      if (era !== null) this.#open(number, era);
    });
  }

  /** Null: it is to rest, or is another's. */
  #wantedEra(lane: number): number | null {
    return this.#duty.kind === "mirror" && this.#given.has(lane)
      ? this.#duty.era
      : null;
  }

  #open(number: number, era: number): void {
    const { openLane, openLeader } = this.#parts;
    if (number === LEADING_LANE) this.#leader = openLeader(era);
    this.#work.set(number, { lane: openLane(number, era), era });
  }

  async #close(lane: L, drainMs: number): Promise<void> {
    const leader = lane.number === LEADING_LANE ? this.#leader : null;
    // Side by side: the leader may wait for a source that does not answer, and
    // the lane has nothing more to write.
    await Promise.all([leader?.[Symbol.asyncDispose](), lane.close(drainMs)]);
    if (leader !== null) this.#leader = null;
    this.#work.delete(lane.number);
    this.#gone = added(this.#gone, lane.mirrored);
  }
}
