/** The source partitions of a lane: which they are, and where each stands. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { Position } from "../../src/pool/protocol.ts";
import { resetOffsets } from "../../src/pool/start_offsets.ts";
import type {
  Damage,
  DamageChecker,
  Evidence,
  Examinee,
  Finding,
  KnownTopic,
  MirroredTopic,
} from "../topics/mod.ts";
import type { LaneState } from "./lane_state.ts";
import { laneOf } from "./names.ts";
import type { SourceClient } from "./source_clients.ts";

export interface LanePartition {
  readonly tp: TopicPartition;
  /** Of the topic that is mirrored. */
  readonly topicId: string;
  readonly epoch: number;
  /** The next offset to read; what lies below is on the target. */
  next: number;
  /** Whether it is fetched; a damaged one is not. */
  readonly isOpen: boolean;
  /** Whether the target knows that `next` belongs to `topicId`. */
  isRecorded: boolean;
  /** What the source had first when it was examined last; null: not known. */
  logStart: number | null;
}

export interface PartitionsParts {
  readonly lane: number;
  readonly lanes: number;
  readonly state: LaneState;
  readonly source: Omit<SourceClient, "release">;
  readonly checker: Pick<DamageChecker, "examine" | "verify">;
  /** By `topic-partition`: what was seen in an earlier life, until it is owned. */
  readonly doubts: Map<string, Evidence>;
  /** By the same: what it has had in any life; kept up here. */
  readonly known: Map<string, LanePartition>;
  /** A number that no other ownership of the process has. */
  readonly nextEpoch: () => number;
  /** Milliseconds, never going back; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Once a lane has committed nothing for this long, nothing that it has read is
 * under way to the target any more: transactions that last longer are ended by
 * the target (`TRANSACTION_TIMEOUT_MS`, by default).
 */
const STILL_MS = 60_000;

/** What was read is of no use; another look says what to do. */
export class TopicChangedError extends Error {
  override readonly name = "TopicChangedError";
}

interface Start {
  readonly tp: TopicPartition;
  readonly topicId: string;
  readonly next: number;
  readonly isOpen: boolean;
  /** It has never been mirrored. */
  readonly isNew: boolean;
  readonly logStart: number | null;
}

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

  /**
   * Takes over what it does not have yet.
   * @returns what is to be fetched of that.
   * @throws {KafkaError} when the source does not answer.
   * @throws {TopicChangedError} where it cannot be said how a partition is, or
   * where the client has read another topic of its name.
   */
  async add(
    topics: readonly MirroredTopic[],
    signal: AbortSignal,
  ): Promise<Position[]> {
    const { lane, lanes } = this.#parts;
    const known: Examinee[] = [];
    const unknown: Start[] = [];
    for (const { topic, topicId, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const tp = { topic, partition };
        if (laneOf(tp, lanes) !== lane || this.#byId.has(idOf(tp))) continue;
        const recorded = this.#recorded(tp, topicId);
        if (recorded === null) {
          const begin = { next: 0, isOpen: true, isNew: true, logStart: null };
          unknown.push({ tp, topicId, ...begin });
        } else known.push(recorded);
      }
    }
    const starts = [
      ...await this.#begin(unknown, signal),
      ...await this.#examine(known, topics, signal),
    ];
    const anew = starts.find(({ isOpen, topicId, tp }) =>
      isOpen && !this.#parts.source.reads(tp.topic, topicId)
    );
    if (anew !== undefined) {
      throw new TopicChangedError(
        `"${anew.tp.topic}" was created anew, which takes another client`,
      );
    }
    return starts.flatMap((start) => this.#own(start));
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
    const changed = await this.#parts.checker.verify(
      [...topics.values()],
      signal,
    );
    if (changed.length === 0) return;
    const names = changed.map(({ topic }) => `"${topic}"`).join(", ");
    throw new TopicChangedError(`topic ${names} is not what it was`);
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
      .map(({ tp, topicId, next }) => ({
        ...tp,
        topicId,
        position: next,
        leaderEpoch: null,
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
        // It has been told; there is nothing to do but to take it if it is back.
        if (kind !== "unknown") this.#parts.known.delete(idOf(tp));
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
    this.#parts.doubts.set(idOf(tp), evidence);
  }

  /** Where it stood; MirrorMaker 2 may have been at work since. */
  #recorded(tp: TopicPartition, topicId: string): Examinee | null {
    const { doubts, state } = this.#parts;
    const ours = state.map.position(tp);
    const theirs = state.positions.get(idOf(tp)) ?? null;
    if (ours === null && theirs === null) return null;
    return {
      ...tp,
      topicId: ours?.topicId ?? topicId,
      position: Math.max(ours?.position ?? 0, theirs ?? 0),
      leaderEpoch: null,
      evidence: doubts.get(idOf(tp)) ?? null,
    };
  }

  /** Partitions that were never mirrored, from their beginnings. */
  async #begin(
    starts: readonly Start[],
    signal: AbortSignal,
  ): Promise<Start[]> {
    const offsets = await resetOffsets(
      this.#parts.source.consumer,
      starts.map(({ tp }) => tp),
      () => "earliest",
      signal,
    );
    return starts.map((each) => ({
      ...each,
      next: offsets.get(idOf(each.tp))!,
    }));
  }

  async #examine(
    examinees: readonly Examinee[],
    topics: readonly MirroredTopic[],
    signal: AbortSignal,
  ): Promise<Start[]> {
    if (examinees.length === 0) return [];
    const ids = new Map(topics.map(({ topic, topicId }) => [topic, topicId]));
    const findings = await this.#parts.checker.examine(examinees, signal);
    return findings.map((finding, at): Start => {
      const { topicId, position: next } = examinees[at]!;
      const { tp } = finding;
      const known = { tp, topicId, next, isNew: false, logStart: null };
      switch (finding.kind) {
        case "sound":
          return { ...known, isOpen: true, logStart: finding.log.start };
        case "unknown":
          throw new TopicChangedError(
            `${tp.topic} [${tp.partition}]: ${finding.reason}`,
          );
        case "damaged": {
          const { remedy } = finding;
          if (remedy.kind === "stop") return { ...known, isOpen: false };
          const { topicId, position: next } = remedy;
          if (ids.get(tp.topic) !== topicId) {
            throw new TopicChangedError(`"${tp.topic}" is being created anew`);
          }
          return { ...known, topicId, next, isOpen: true, isNew: true };
        }
      }
    });
  }

  #own({ tp, topicId, next, isOpen, isNew, logStart }: Start): Position[] {
    const epoch = this.#parts.nextEpoch();
    const isRecorded = !isNew;
    if (isOpen) this.#parts.doubts.delete(idOf(tp));
    const own = { tp, topicId, epoch, next, isOpen, isRecorded, logStart };
    this.#byId.set(idOf(tp), own);
    this.#parts.known.set(idOf(tp), own);
    // Who waits for the mirror must learn of partitions that are empty, too.
    const position = { tp, epoch, next, beyond: [], isUnrecorded: isNew };
    return isOpen ? [position] : [];
  }
}

const idOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
