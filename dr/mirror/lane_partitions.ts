/** The source partitions of a lane: which they are, and where each stands. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { NO_RANGES, type OffsetRanges } from "../../src/pool/offset_ranges.ts";
import type { Position } from "../../src/pool/protocol.ts";
import type {
  Damage,
  Evidence,
  Examinee,
  Finding,
  KnownTopic,
  MirroredTopic,
} from "../topics/mod.ts";
import {
  type LanePartition,
  type PartitionsParts,
  type Start,
  type TakenOver,
  TopicChangedError,
} from "./lane_partition.ts";
import { type Missing, startsOf } from "./lane_starts.ts";
import { idOf, laneOf } from "./names.ts";

/**
 * Once a lane has committed nothing for this long, nothing that it has read is
 * under way to the target any more: transactions that last longer are ended by
 * the target (`TRANSACTION_TIMEOUT_MS`, by default).
 */
const STILL_MS = 60_000;

export class Partitions {
  readonly #parts: PartitionsParts;
  readonly #byId = new Map<string, LanePartition>();
  readonly #now: () => number;
  #movedMs: number;

  constructor(parts: PartitionsParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    this.#movedMs = this.#now();
  }

  get all(): readonly LanePartition[] {
    return [...this.#byId.values()];
  }

  /** Whether there is anything that it does not have yet. */
  lacks(topics: readonly MirroredTopic[]): boolean {
    return this.#missing(topics).next().done === false;
  }

  /**
   * Takes over what it does not have yet.
   * @returns what is to be fetched of that.
   * @throws as `startsOf`.
   */
  async add(
    topics: readonly MirroredTopic[],
    signal: AbortSignal,
  ): Promise<TakenOver[]> {
    const missing = this.#missing(topics);
    const starts = await startsOf(this.#parts, missing, topics, signal);
    return starts.flatMap((start) => this.#own(start));
  }

  /**
   * To be called before the thread is told of the topics, because it writes down
   * under their ids what it has read.
   * @throws {TopicChangedError} where it reads another topic of one of the names.
   */
  expectSame(topics: readonly MirroredTopic[]): void {
    const ids = new Map(topics.map(({ topic, topicId }) => [topic, topicId]));
    const other = this.all.find(({ isOpen, topicId, tp }) =>
      isOpen && (ids.get(tp.topic) ?? topicId) !== topicId
    );
    if (other !== undefined) throw changed([other.tp]);
  }

  /**
   * Whether what was read belongs to the topics that these were.
   * @throws {TopicChangedError} where not, or where that is not sure.
   * @throws {KafkaError} when the source does not answer.
   */
  async verify(
    positions: readonly Position[],
    signal: AbortSignal,
  ): Promise<void> {
    const topics = new Map<string, KnownTopic>();
    for (const { tp } of positions) {
      const { topicId } = this.#byId.get(idOf(tp))!;
      topics.set(tp.topic, { topic: tp.topic, topicId });
    }
    const others = await this.#parts.checker.verify(
      [...topics.values()],
      signal,
    );
    if (others.length > 0) throw changed(others);
  }

  /** What is on the target now. */
  moved(positions: readonly Position[]): void {
    this.#movedMs = this.#now();
    for (const { tp, next } of positions) {
      Object.assign(this.#byId.get(idOf(tp))!, { next, isRecorded: true });
    }
  }

  /**
   * Where partitions stand on the target. Also those that are not fetched: a topic
   * that was deleted may have come back; and those of an earlier life, whose topic
   * was gone before this one began.
   */
  examinees(): Examinee[] {
    return [...this.#parts.known.values()]
      .filter(({ isRecorded }) => isRecorded)
      .map((each) => ({
        ...each.tp,
        topicId: each.topicId,
        position: each.next,
        leaderEpoch: this.#leaderEpoch(each),
      }));
  }

  /**
   * Whether a damage that was found from the outside is one of a partition that
   * goes on meanwhile: it was asked for with a position and judged later.
   *
   *     position asked with      start of the log      position by now
   *          100 ────────────────────> 150 ─────────────────> 200     sound
   *
   * Nor need retention have overtaken a position that stands still: the records
   * above it may have been read before they went. Whoever reads is told by the
   * broker when it comes to that offset, so there is time to wait until nothing
   * can be under way.
   */
  believes(examinee: Examinee, damage: Damage): boolean {
    const known = this.#parts.known.get(idOf(examinee));
    if (known?.next !== examinee.position) return false;
    return damage.kind !== "overtaken" || !known.isOpen ||
      this.#now() - this.#movedMs >= STILL_MS;
  }

  /**
   * Takes over what an examination has found.
   * @returns why the lane must begin anew, which is how it does what is to be done
   * about a damage; null: it need not.
   */
  found(findings: readonly Finding[]): string | null {
    const reasons = findings.flatMap((finding) => {
      const { kind, tp } = finding;
      const own = this.#byId.get(idOf(tp));
      if (own === undefined) {
        this.#foundFormer(finding);
        return [];
      }
      if (kind === "sound") own.logStart = finding.log.start;
      if (kind !== "damaged") return [];
      // What is stopped already stays so, unless there is something to read.
      const isNews = own.isOpen || finding.remedy.kind === "restart";
      return isNews
        ? [`${tp.topic} [${tp.partition}] is damaged: ${finding.damage.kind}`]
        : [];
    });
    return reasons[0] ?? null;
  }

  /** The lowest offset that the source's topic of that id still has; null: not known. */
  logStart(tp: TopicPartition, topicId: string): number | null {
    const known = this.#byId.get(idOf(tp));
    return known?.topicId === topicId ? known.logStart : null;
  }

  doubt(tp: TopicPartition, evidence: Evidence): void {
    const isBelow = this.#byId.get(idOf(tp))?.isFetchedBelow ?? false;
    // What was deleted there had been read; another look tells more.
    if (evidence.kind === "outOfRange" && isBelow) return;
    this.#parts.doubts.set(idOf(tp), evidence);
  }

  *#missing(topics: readonly MirroredTopic[]): Generator<Missing> {
    const { lane, lanes } = this.#parts;
    for (const { topic, topicId, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const tp = { topic, partition };
        if (laneOf(tp, lanes) !== lane || this.#byId.has(idOf(tp))) continue;
        yield { tp, topicId };
      }
    }
  }

  /** What an earlier life had, and whose topic was gone when this one began. */
  #foundFormer(finding: Finding): void {
    const { known } = this.#parts;
    const id = idOf(finding.tp);
    // Where its topic is there it is taken over with the others.
    if (finding.kind === "sound") known.delete(id);
    if (finding.kind !== "damaged" || finding.remedy.kind !== "stop") return;
    // It is shown as not mirrored, and examined again: it may come back.
    const shown = { ...known.get(id)!, isOpen: false };
    this.#byId.set(id, shown);
    known.set(id, shown);
  }

  /** Of the last record before `next`, as the lane's log has it. */
  #leaderEpoch({ tp, topicId, next }: LanePartition): number | null {
    const logged = this.#parts.state.map.position({ ...tp, topicId });
    return logged?.position === next ? logged.leaderEpoch : null;
  }

  #own(start: Start): TakenOver[] {
    const { from, isOpen, isUnrecorded, leaderEpoch, logStart, next, runs } =
      start;
    const { tp, topicId } = start;
    const epoch = this.#parts.nextEpoch();
    const owned: LanePartition = {
      tp,
      topicId,
      epoch,
      next,
      isOpen,
      isFetchedBelow: from.offset < next,
      isRecorded: !isUnrecorded,
      logStart,
    };
    this.#byId.set(idOf(tp), owned);
    this.#parts.known.set(idOf(tp), owned);
    if (!isOpen) return [];
    this.#parts.doubts.delete(idOf(tp));
    // Who waits for the mirror must learn of partitions that are empty, too.
    const beyond = returnedAbove(this.#parts.state.returned, tp, next);
    const position = { tp, epoch, next, beyond, isUnrecorded };
    return [{ position, beginning: { epoch, leaderEpoch, runs }, start: from }];
  }
}

/** Whole ranges, of which the first may begin below. */
function returnedAbove(
  returned: ReadonlyMap<string, OffsetRanges> | undefined,
  tp: TopicPartition,
  next: number,
): OffsetRanges {
  const ranges = returned?.get(idOf(tp)) ?? NO_RANGES;
  const first = ranges.findIndex((edge, at) => at % 2 === 1 && edge > next);
  return first < 0 ? NO_RANGES : ranges.slice(first - 1);
}

function changed(topics: readonly { readonly topic: string }[]): Error {
  const names = new Set(topics.map(({ topic }) => `"${topic}"`));
  return new TopicChangedError(
    `topic ${[...names].join(", ")} is not what it was`,
  );
}
