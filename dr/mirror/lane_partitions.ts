/** The source partitions of a lane: which they are, and where each stands. */
import type { Consumer, TopicPartition } from "../../src/kafka/mod.ts";
import type { Position } from "../../src/pool/protocol.ts";
import { resetOffsets } from "../../src/pool/start_offsets.ts";
import type {
  Damage,
  DamageChecker,
  Evidence,
  Examinee,
  KnownTopic,
  MirroredTopic,
} from "../topics/mod.ts";
import type { LaneState } from "./lane_state.ts";
import { laneOf } from "./names.ts";

export interface LanePartition {
  readonly tp: TopicPartition;
  /** Of the topic that is mirrored. */
  readonly topicId: string;
  readonly epoch: number;
  /** The next offset to read; what lies below is on the target. */
  next: number;
  /** Whether it is fetched; a damaged one is not. */
  readonly isOpen: boolean;
  /** Of the topic that had the name when it was judged; null: none had. */
  readonly seenId: string | null;
}

export interface PartitionsParts {
  readonly lane: number;
  readonly lanes: number;
  readonly state: LaneState;
  /** Of the source. */
  readonly consumer: Consumer;
  readonly checker: DamageChecker;
  /** By `topic-partition`: what was seen in an earlier life; taken over here. */
  readonly doubts: Map<string, Evidence>;
  /** A number that no other ownership of the process has. */
  readonly nextEpoch: () => number;
}

/** What was read is of no use; another look says what to do. */
export class TopicChangedError extends Error {
  override readonly name = "TopicChangedError";
}

interface Start {
  readonly tp: TopicPartition;
  readonly topicId: string;
  readonly next: number;
  readonly isOpen: boolean;
  readonly seenId: string | null;
  /** It has never been mirrored. */
  readonly isNew: boolean;
}

export class Partitions {
  readonly #parts: PartitionsParts;
  readonly #byId = new Map<string, LanePartition>();

  constructor(parts: PartitionsParts) {
    this.#parts = parts;
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
   * @throws {KafkaError} when the source does not answer.
   * @throws {TopicChangedError} where it cannot be said how a partition is.
   */
  async add(
    topics: readonly MirroredTopic[],
    signal: AbortSignal,
  ): Promise<Position[]> {
    const known: Examinee[] = [];
    const unknown: Start[] = [];
    for (const { tp, topicId } of this.#missing(topics)) {
      const recorded = this.#recorded(tp, topicId);
      if (recorded === null) {
        unknown.push({
          tp,
          topicId,
          next: 0,
          isOpen: true,
          seenId: topicId,
          isNew: true,
        });
      } else known.push(recorded);
    }
    const starts = [
      ...await this.#begin(unknown, signal),
      ...await this.#examine(known, topics, signal),
      ...this.#deleted(topics),
    ];
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
    const others = await this.#parts.checker.verify(
      [...topics.values()],
      signal,
    );
    if (others.length > 0) throw changed(others);
  }

  /**
   * Looks whether the topics are those that it judged: where nothing is read of a
   * topic, or its fetches stall, nothing else would tell.
   * @param topics as they were found just now.
   * @throws {TopicChangedError} where one is not: all of it is to be judged anew.
   * @throws {KafkaError} when the source does not answer.
   */
  async compare(
    topics: readonly MirroredTopic[],
    signal: AbortSignal,
  ): Promise<void> {
    const ids = new Map(topics.map(({ topic, topicId }) => [topic, topicId]));
    const others = this.all.filter(({ seenId, tp }) =>
      (ids.get(tp.topic) ?? null) !== seenId
    );
    const replaced = others.find(({ tp }) => ids.has(tp.topic));
    if (replaced !== undefined) throw changed([replaced.tp]);
    // What is not found may be there, and only not be mirrored any more.
    const findings = await this.#parts.checker.examine(
      others.map(({ tp, topicId, next }) => ({
        ...tp,
        topicId,
        position: next,
        leaderEpoch: null,
      })),
      signal,
    );
    const gone = findings.filter((each) =>
      each.kind === "damaged" &&
      (each.damage.kind === "deleted" || each.damage.kind === "recreated")
    );
    if (gone.length > 0) throw changed(gone.map(({ tp }) => tp));
  }

  /** What is on the target now. */
  moved(positions: readonly Position[]): void {
    for (const { tp, next } of positions) this.#byId.get(idOf(tp))!.next = next;
  }

  doubt(tp: TopicPartition, evidence: Evidence): void {
    this.#parts.doubts.set(idOf(tp), evidence);
  }

  *#missing(topics: readonly MirroredTopic[]) {
    const { lane, lanes } = this.#parts;
    for (const { topic, topicId, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const tp = { topic, partition };
        if (laneOf(tp, lanes) !== lane || this.#byId.has(idOf(tp))) continue;
        yield { tp, topicId };
      }
    }
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
      this.#parts.consumer,
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
      const { topicId, position } = examinees[at]!;
      const { tp } = finding;
      switch (finding.kind) {
        case "sound":
          this.#parts.doubts.delete(idOf(tp));
          return {
            tp,
            topicId,
            next: position,
            isOpen: true,
            seenId: topicId,
            isNew: false,
          };
        case "unknown":
          throw new TopicChangedError(
            `${tp.topic} [${tp.partition}]: ${finding.reason}`,
          );
        case "damaged": {
          const { remedy } = finding;
          if (remedy.kind === "stop") {
            return {
              tp,
              topicId,
              next: position,
              isOpen: false,
              seenId: seenIn(finding.damage, topicId),
              isNew: false,
            };
          }
          if (ids.get(tp.topic) !== remedy.topicId) {
            throw new TopicChangedError(`"${tp.topic}" is being created anew`);
          }
          this.#parts.doubts.delete(idOf(tp));
          const { topicId: id, position: next } = remedy;
          return {
            tp,
            topicId: id,
            next,
            isOpen: true,
            seenId: id,
            isNew: true,
          };
        }
      }
    });
  }

  /** What was deleted while this process looked on: it is not forgotten. */
  #deleted(topics: readonly MirroredTopic[]): Start[] {
    const { checker, lane, lanes } = this.#parts;
    const present = new Set(topics.map(({ topic }) => topic));
    return checker.reports.filter((each) =>
      each.damage.kind === "deleted" && !present.has(each.topic) &&
      laneOf(each, lanes) === lane && !this.#byId.has(idOf(each))
    ).map(({ topic, partition, topicId, position }) => ({
      tp: { topic, partition },
      topicId,
      next: position,
      isOpen: false,
      seenId: null,
      isNew: false,
    }));
  }

  #own({ tp, topicId, next, isOpen, isNew, seenId }: Start): Position[] {
    const epoch = this.#parts.nextEpoch();
    this.#byId.set(idOf(tp), { tp, topicId, epoch, next, isOpen, seenId });
    // Who waits for the mirror must learn of partitions that are empty, too.
    const position = { tp, epoch, next, beyond: [], isUnrecorded: isNew };
    return isOpen ? [position] : [];
  }
}

function changed(topics: readonly { readonly topic: string }[]): Error {
  const names = new Set(topics.map(({ topic }) => `"${topic}"`));
  return new TopicChangedError(
    `topic ${[...names].join(", ")} is not what it was`,
  );
}

/** Which topic has the name of the one that a damage befell. */
function seenIn(damage: Damage, topicId: string): string | null {
  switch (damage.kind) {
    case "deleted":
      return null;
    case "recreated":
      return damage.topicId;
    case "truncated":
    case "uncleanElection":
    case "overtaken":
      return topicId;
  }
}

const idOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
