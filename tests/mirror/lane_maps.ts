/**
 * What the logs of all lanes say, followed record by record: positions and runs.
 *
 * **Corrupt lane log**: a record that cannot be decoded, a snapshot with parts
 * missing, a position or runs that go back. **Partition in two lanes**: the same
 * partition is written by a lane, and was by another.
 */
import {
  decodeLaneRecord,
  type LanePartition,
  type LaneRecord,
  type OffsetRun,
} from "./lane_record.ts";
import type { Found } from "./report.ts";

export interface PartitionMap {
  readonly lane: number;
  readonly topicId: string;
  readonly era: number;
  /** Upstream, the next to be read. */
  readonly position: number;
  /** Ascending. */
  readonly runs: readonly OffsetRun[];
}

interface Known extends PartitionMap {
  position: number;
  readonly runs: OffsetRun[];
}

interface Lane {
  readonly partitions: Map<string, Known>;
  pending: LaneRecord[];
}

export class LaneMaps {
  readonly #topic: string;
  readonly #found: Found;
  readonly #lanes = new Map<number, Lane>();

  /** @param topic of the logs. */
  constructor(topic: string, found: Found) {
    this.#topic = topic;
    this.#found = found;
  }

  /** Each log's records in the order of offsets. */
  observe(lane: number, offset: number, value: Uint8Array | null): void {
    const wrong = (sentence: string) =>
      this.#found("corrupt lane log", {
        topic: this.#topic,
        partition: lane,
        offset,
        sentence,
      });
    if (value === null) return wrong("a tombstone");
    let record: LaneRecord;
    try {
      record = decodeLaneRecord(value);
    } catch (error) {
      return wrong((error as Error).message);
    }
    const known = this.#lane(lane);
    if (record.kind === "snapshot") {
      const expected = known.pending.length;
      if (record.part !== expected) {
        known.pending = [];
        return wrong(`part ${record.part} of a snapshot, ${expected} expected`);
      }
      known.pending.push(record);
      if (record.part < record.parts - 1) return;
      known.partitions.clear();
      for (const part of known.pending) this.#take(lane, part, wrong);
      known.pending = [];
    } else {
      if (known.pending.length > 0) wrong("a delta within a snapshot");
      known.pending = [];
      this.#take(lane, record, wrong);
    }
  }

  /** Of a source partition; undefined where no log says anything of it. */
  of(topic: string, partition: number): PartitionMap | undefined {
    const key = keyOf({ topic, partition });
    let best: Known | undefined;
    for (const { partitions } of this.#lanes.values()) {
      const each = partitions.get(key);
      if (each === undefined) continue;
      const isNewer = best === undefined || each.era > best.era ||
        (each.era === best.era && each.position > best.position);
      if (isNewer) best = each;
    }
    return best;
  }

  #lane(lane: number): Lane {
    let known = this.#lanes.get(lane);
    if (known === undefined) {
      this.#lanes.set(lane, known = { partitions: new Map(), pending: [] });
    }
    return known;
  }

  #take(
    lane: number,
    { era, partitions: deltas }: LaneRecord,
    wrong: (sentence: string) => void,
  ): void {
    const { partitions } = this.#lane(lane);
    for (const delta of deltas) {
      const { topicId, position, runs } = delta;
      const key = keyOf(delta);
      this.#tellOtherLane(lane, key, delta);
      const before = partitions.get(key);
      const isNew = before === undefined || before.topicId !== topicId ||
        before.era < era;
      if (isNew) {
        partitions.set(key, { lane, topicId, era, position, runs: [...runs] });
        check(delta, undefined, 0, wrong);
        continue;
      }
      check(delta, before.runs.at(-1), before.position, wrong);
      before.position = position;
      before.runs.push(...runs);
    }
  }

  #tellOtherLane(lane: number, key: string, delta: LanePartition): void {
    for (const [other, { partitions }] of this.#lanes) {
      if (other === lane || !partitions.has(key)) continue;
      const { topic, partition } = delta;
      this.#found("partition in two lanes", {
        topic,
        partition,
        offset: delta.position,
        sentence: `written by lane ${lane}, and before by lane ${other}`,
      });
    }
  }
}

function check(
  { topic, partition, position, runs }: LanePartition,
  last: OffsetRun | undefined,
  before: number,
  wrong: (sentence: string) => void,
): void {
  const where = `${topic} [${partition}]`;
  if (position < before) {
    wrong(`${where} goes back from position ${before} to ${position}`);
  }
  let end = last;
  for (const run of runs) {
    const isBehind = end !== undefined &&
      (run.upstream < end.upstream + end.length ||
        run.downstream < end.downstream + end.length);
    if (isBehind || run.upstream + run.length > position) {
      wrong(
        `${where} has the run ${textOf(run)} ` +
          (isBehind ? `behind ${textOf(end!)}` : `at position ${position}`),
      );
    }
    end = run;
  }
}

const keyOf = ({ topic, partition }: { topic: string; partition: number }) =>
  `${partition} ${topic}`;
const textOf = ({ upstream, downstream, length }: OffsetRun) =>
  `${upstream} -> ${downstream} of ${length}`;
