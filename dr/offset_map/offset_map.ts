/**
 * The offset map of a mirror: of each source partition how far it was mirrored,
 * and which records became which. It is what the logs of all lanes say, read
 * from their beginnings, whichever of two lanes is read first.
 *
 * Measured (tests/unit/offset_map_load_test.ts, which prints it): 10,000
 * partitions of 110 runs each, 4.4 MB of log, are decoded and applied within 0.2
 * to 0.3 s of one core, and written as snapshots in as much. Their runs take 24
 * to 48 bytes each in memory and 3 to 4 in the log.
 *
 * Within a lane the order of its log decides: a snapshot replaces what was known
 * of the lane, a topic id that differs begins a partition anew. An era does not:
 * where a switch was given up the mirror goes on in the next one with the copies
 * that there are; where others begin it, seeds say so (`dr/failback/seed.ts`).
 * Between lanes see `partition_view.ts`.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { LaneRecord } from "./lane_record.ts";
import type { PartitionDelta } from "./partition_delta.ts";
import {
  byAge,
  knownRuns,
  type PartitionView,
  replaces,
} from "./partition_view.ts";
import { type OffsetPair, PartitionRuns, type Translation } from "./runs.ts";

/** A lane's log has lost a part: what it says cannot be relied on. */
export class LaneLogError extends Error {
  override readonly name = "LaneLogError";
}

/** A source partition. */
export interface SourcePartition extends TopicPartition {
  /**
   * Of the topic as it is now. What is known of a topic that had this name
   * before does not count; left out: the newest counts that was mirrored.
   */
  readonly topicId?: string | undefined;
}

export interface PartitionPosition extends TopicPartition {
  readonly topicId: string;
  readonly era: number;
  /** The next upstream offset to be read. */
  readonly position: number;
  /** Of the last record mirrored from below `position`; null: not known. */
  readonly leaderEpoch: number | null;
  /** Whose log says so. */
  readonly lane: number;
}

export interface SnapshotChoice {
  /**
   * Whether the lane is the one of this partition now; default: where its log
   * says the newest of it.
   */
  readonly owns?: ((partition: PartitionPosition) => boolean) | undefined;
  /**
   * The lowest position that may still have to be translated; default: 0. Null
   * leaves the partition out, for example where its topic was deleted.
   */
  readonly keepFrom?:
    | ((partition: PartitionPosition) => number | null)
    | undefined;
}

/** All that a lane's log would have to say: see `encodeSnapshot`. */
export interface LaneSnapshot {
  readonly era: number;
  readonly partitions: readonly PartitionDelta[];
}

interface Lane {
  readonly views: Set<PartitionView>;
  /** Parts of a snapshot that is not complete. */
  pending: LaneRecord[];
}

export class OffsetMap {
  readonly #topics = new Map<string, Map<number, PartitionView[]>>();
  readonly #lanes = new Map<number, Lane>();

  /**
   * Takes the next record of a lane's log. The parts of a snapshot change
   * nothing until the last one is there.
   * @throws {LaneLogError} for a part of a snapshot without those before it, and
   * for what comes in between; nothing has changed then.
   */
  apply(lane: number, record: LaneRecord): void {
    const state = this.#lane(lane);
    switch (record.kind) {
      case "delta":
        if (state.pending.length > 0) {
          throw new LaneLogError(`lane ${lane}: a delta amid a snapshot`);
        }
        this.#take(lane, record);
        return;
      case "snapshot":
        if (!isNextPart(state.pending, record)) {
          throw new LaneLogError(
            `lane ${lane}: part ${record.part} of a snapshot in ` +
              `${record.parts} parts without those before it`,
          );
        }
        if (record.part === 0) state.pending = [];
        state.pending.push(record);
        if (state.pending.length < record.parts) return;
        this.#clear(state);
        for (const part of state.pending) this.#take(lane, part);
        state.pending = [];
    }
  }

  /** Null: no lane has said anything of it. */
  position(source: SourcePartition): PartitionPosition | null {
    const newest = this.#views(source)[0];
    return newest === undefined ? null : positionOf(newest);
  }

  /**
   * Behind the last record or mark that is known of the partition, on both sides;
   * 0 and 0 where none is. Between it and the position there may be offsets that
   * no record has.
   */
  end(source: SourcePartition): OffsetPair {
    return this.#views(source)[0]?.runs.end ?? { upstream: 0, downstream: 0 };
  }

  /**
   * The target's offset for a position in the source: see
   * `PartitionRuns.translate`. Up to the mirror's position an exact answer stays
   * as it is. Null: no lane has said anything of the partition.
   */
  translate(source: SourcePartition, upstream: number): Translation | null {
    const views = this.#views(source);
    if (views.length === 0) return null;
    const answer = knownRuns(views).translate(upstream);
    return answer.exact && upstream > views[0]!.position
      ? { offset: answer.offset, exact: false, why: "not-yet-mirrored" }
      : answer;
  }

  /**
   * The source's offset for a position in the target: see `PartitionRuns.back`.
   * Beyond the last mirrored record it is exact as far as was mirrored by now.
   * @param source topic and partition of the source, whatever the target's name
   */
  back(source: SourcePartition, downstream: number): Translation | null {
    const views = this.#views(source);
    return views.length === 0 ? null : knownRuns(views).back(downstream);
  }

  /** Of every partition that any lane has spoken of. */
  *partitions(): IterableIterator<PartitionPosition> {
    for (const [topic, partitions] of this.#topics) {
      for (const partition of partitions.keys()) {
        yield positionOf(this.#views({ topic, partition })[0]!);
      }
    }
  }

  /**
   * What the lane's owner should write, from now and then, before it deletes its
   * log's records; and before the first delta of a partition that it takes over.
   * It has what the lane owns, and what it owned before until another lane's log
   * has it too. Partitions of older eras are left out.
   *
   * The map itself is not trimmed: it is what the logs say, or a partition could
   * be left out of one log for what another has only in memory.
   */
  snapshotOf(lane: number, choice: SnapshotChoice = {}): LaneSnapshot {
    const { owns = (each) => each.lane === lane, keepFrom = () => 0 } = choice;
    const chosen: PartitionView[] = [];
    for (const views of this.#viewsById()) {
      const newest = views[0]!;
      const own = views.find((each) => each.lane === lane);
      if (owns(positionOf(newest))) chosen.push(newest);
      else if (own && !views.some((each) => replaces(each, own))) {
        chosen.push(own);
      }
    }
    const era = chosen.reduce((newest, each) => Math.max(newest, each.era), 0);
    const partitions: PartitionDelta[] = [];
    for (const view of chosen) {
      const from = view.era === era ? keepFrom(positionOf(view)) : null;
      if (from === null) continue;
      const { topic, topicId, partition, position, leaderEpoch } = view;
      const views = this.#views({ topic, topicId, partition });
      const runs = knownRuns(view === views[0] ? views : [view]).copy();
      runs.trimBelow(from);
      partitions.push({
        topic,
        topicId,
        partition,
        position,
        leaderEpoch,
        runs: [...runs],
      });
    }
    return { era, partitions };
  }

  /** Of each partition and topic id, the newest first. */
  *#viewsById(): IterableIterator<PartitionView[]> {
    for (const partitions of this.#topics.values()) {
      for (const views of partitions.values()) {
        if (views.length === 1) yield views;
        else {
          const ids = Map.groupBy(views, ({ topicId }) => topicId);
          for (const each of ids.values()) yield each.toSorted(byAge);
        }
      }
    }
  }

  /** Those that count, the newest first: of one topic id and era. */
  #views({ topic, partition, topicId }: SourcePartition): PartitionView[] {
    const all = this.#topics.get(topic)?.get(partition);
    if (all === undefined) return [];
    const views = topicId === undefined
      ? all
      : all.filter((each) => each.topicId === topicId);
    if (views.length < 2) return views;
    const newest = views.toSorted(byAge);
    return newest.filter((each) =>
      each.topicId === newest[0]!.topicId && each.era === newest[0]!.era
    );
  }

  #take(lane: number, { era, kind, partitions }: LaneRecord): void {
    for (const delta of partitions) {
      const { topic, topicId, partition, position, leaderEpoch, runs } = delta;
      const view = this.#view(lane, topic, partition);
      if (view.topicId !== topicId) {
        view.topicId = topicId;
        view.runs = new PartitionRuns();
        view.isWhole = kind === "snapshot";
      }
      view.era = era;
      view.position = position;
      view.leaderEpoch = leaderEpoch;
      for (const run of runs) view.runs.continueWith(run);
    }
  }

  #view(lane: number, topic: string, partition: number): PartitionView {
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) {
      this.#topics.set(topic, partitions = new Map());
    }
    const views = partitions.get(partition) ?? [];
    if (views.length === 0) partitions.set(partition, views);
    const known = views.find((each) => each.lane === lane);
    if (known !== undefined) return known;
    const view = {
      lane,
      topic,
      partition,
      topicId: "",
      era: 0,
      position: 0,
      leaderEpoch: null,
      runs: new PartitionRuns(),
      isWhole: false,
    };
    views.push(view);
    this.#lane(lane).views.add(view);
    return view;
  }

  #lane(lane: number): Lane {
    let state = this.#lanes.get(lane);
    if (state === undefined) {
      state = { views: new Set(), pending: [] };
      this.#lanes.set(lane, state);
    }
    return state;
  }

  #clear(lane: Lane): void {
    for (const view of lane.views) this.#remove(view);
    lane.views.clear();
  }

  #remove(view: PartitionView): void {
    const { topic, partition } = view;
    const partitions = this.#topics.get(topic)!;
    const views = partitions.get(partition)!;
    views.splice(views.indexOf(view), 1);
    if (views.length === 0) partitions.delete(partition);
    if (partitions.size === 0) this.#topics.delete(topic);
  }
}

/** A first part always is: what came before it is void. */
function isNextPart(pending: readonly LaneRecord[], record: LaneRecord) {
  const first = pending[0];
  return record.part === 0 ||
    record.part === pending.length && first?.parts === record.parts &&
      first.era === record.era;
}

function positionOf(view: PartitionView): PartitionPosition {
  const { topic, topicId, partition, era, position, leaderEpoch, lane } = view;
  return { topic, topicId, partition, era, position, leaderEpoch, lane };
}
