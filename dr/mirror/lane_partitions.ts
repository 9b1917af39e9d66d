/** The source partitions of a lane: which they are, and where each stands. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { Position } from "../../src/pool/protocol.ts";
import { resetOffsets } from "../../src/pool/start_offsets.ts";
import type { Run } from "../offset_map/mod.ts";
import type {
  Damage,
  Evidence,
  KnownTopic,
  MirroredTopic,
} from "../topics/mod.ts";
import {
  type Known,
  type LanePartition,
  type PartitionsParts,
  type Start,
  type TakenOver,
  TopicChangedError,
} from "./lane_partition.ts";
import { laneOf } from "./names.ts";
import type { Stretch } from "./stretch.ts";

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
  ): Promise<TakenOver[]> {
    const known: Known[] = [];
    const unknown: Start[] = [];
    for (const { tp, topicId } of this.#missing(topics)) {
      const recorded = this.#recorded(tp, topicId);
      if (recorded === null) {
        unknown.push({
          tp,
          topicId,
          next: 0,
          leaderEpoch: null,
          isOpen: true,
          seenId: topicId,
          isUnrecorded: true,
          isTheirs: false,
        });
      } else known.push(recorded);
    }
    const starts = [
      ...await this.#begin(unknown, signal),
      ...await this.#examine(known, topics, signal),
      ...this.#deleted(topics),
    ];
    const runs = await this.#describe(starts, topics, signal);
    const logStarts = await this.#logStarts(starts, signal);
    return starts.flatMap((start) => {
      const id = idOf(start.tp);
      return this.#own(start, runs.get(id) ?? [], logStarts.get(id) ?? null);
    });
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
    const isBelow = this.#byId.get(idOf(tp))?.isFetchedBelow ?? false;
    // What was deleted there had been read; another look tells more.
    if (evidence.kind === "outOfRange" && isBelow) return;
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
  #recorded(tp: TopicPartition, topicId: string): Known | null {
    const { doubts, state } = this.#parts;
    const ours = state.map.position(tp);
    const theirs = state.positions.get(idOf(tp)) ?? null;
    if (ours === null && theirs === null) return null;
    const isTheirs = (theirs ?? 0) > (ours?.position ?? 0);
    return {
      ...tp,
      topicId: ours?.topicId ?? topicId,
      position: isTheirs ? theirs! : ours?.position ?? 0,
      leaderEpoch: isTheirs ? null : ours?.leaderEpoch ?? null,
      isTheirs,
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
    examinees: readonly Known[],
    topics: readonly MirroredTopic[],
    signal: AbortSignal,
  ): Promise<Start[]> {
    if (examinees.length === 0) return [];
    const ids = new Map(topics.map(({ topic, topicId }) => [topic, topicId]));
    const findings = await this.#parts.checker.examine(examinees, signal);
    return findings.map((finding, at): Start => {
      const { isTheirs, leaderEpoch, position, topicId } = examinees[at]!;
      const { tp } = finding;
      switch (finding.kind) {
        case "sound":
          this.#parts.doubts.delete(idOf(tp));
          return {
            tp,
            topicId,
            next: position,
            leaderEpoch,
            isOpen: true,
            isUnrecorded: isTheirs,
            isTheirs,
            seenId: topicId,
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
              leaderEpoch,
              isOpen: false,
              isUnrecorded: false,
              isTheirs: false,
              seenId: seenIn(finding.damage, topicId),
            };
          }
          if (ids.get(tp.topic) !== remedy.topicId) {
            throw new TopicChangedError(`"${tp.topic}" is being created anew`);
          }
          this.#parts.doubts.delete(idOf(tp));
          return {
            tp,
            topicId: remedy.topicId,
            next: remedy.position,
            leaderEpoch: remedy.leaderEpoch,
            isOpen: true,
            isUnrecorded: true,
            isTheirs: isTheirs && remedy.topicId === topicId,
            seenId: remedy.topicId,
          };
        }
      }
    });
  }

  /** What is to be said of records that MirrorMaker 2 has mirrored. */
  async #describe(
    starts: readonly Start[],
    topics: readonly MirroredTopic[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly Run[]>> {
    const theirs = starts.filter(({ isOpen, isTheirs }) => isOpen && isTheirs);
    if (theirs.length === 0) return new Map();
    const targets = new Map(topics.map(({ topic, target }) => [topic, target]));
    const { describe, state } = this.#parts;
    const stretches = theirs.map(({ tp, topicId, next }): Stretch => ({
      ...tp,
      target: targets.get(tp.topic)!,
      after: state.map.end({ ...tp, topicId }),
      end: next,
    }));
    const runs = await describe(stretches, signal);
    return new Map(theirs.map(({ tp }, at) => [idOf(tp), runs[at]!]));
  }

  /** Of those that have no record right below where they stand. */
  async #logStarts(
    starts: readonly Start[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const asked = starts.filter((each) =>
      each.isOpen && this.#recordsEnd(each) < each.next
    );
    return await resetOffsets(
      this.#parts.consumer,
      asked.map(({ tp }) => tp),
      () => "earliest",
      signal,
    );
  }

  /**
   * Behind the record that has the leader epoch. What lies between that and
   * `next` are markers, which may be of a later epoch.
   */
  #recordsEnd({ tp, topicId, next, leaderEpoch }: Start): number {
    if (leaderEpoch === null) return next;
    const { upstream } = this.#parts.state.map.end({ ...tp, topicId });
    return upstream === 0 ? next : Math.min(next, upstream);
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
      leaderEpoch: null,
      seenId: null,
      isUnrecorded: false,
      isTheirs: false,
    }));
  }

  /** @param logStart null: it was not asked for */
  #own(
    given: Start,
    runs: readonly Run[],
    logStart: number | null,
  ): TakenOver[] {
    const { isOpen, isUnrecorded, leaderEpoch, next, seenId, topicId, tp } =
      given;
    const epoch = this.#parts.nextEpoch();
    const recordsEnd = this.#recordsEnd(given);
    // A record that is gone has nothing that could be compared.
    const start = (logStart ?? 0) > recordsEnd
      ? { ...tp, offset: next, leaderEpoch: null }
      : { ...tp, offset: recordsEnd, leaderEpoch };
    const isFetchedBelow = start.offset < next;
    const owned = { tp, topicId, epoch, next, isOpen, isFetchedBelow, seenId };
    this.#byId.set(idOf(tp), owned);
    if (!isOpen) return [];
    // Who waits for the mirror must learn of partitions that are empty, too.
    const position = { tp, epoch, next, beyond: [], isUnrecorded };
    return [{ position, beginning: { epoch, leaderEpoch, runs }, start }];
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
