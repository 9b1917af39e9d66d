/**
 * A mirror without Kafka: lanes that write their logs as the real ones do, and
 * what there is to know, kept as a list of pairs.
 */
import {
  decodeLaneRecord,
  encodeDelta,
  encodeSnapshot,
  OffsetMap,
  type PartitionDelta,
  type PartitionPosition,
  type Run,
} from "../../dr/offset_map/mod.ts";
import { type Pair, pairsOf } from "./support_offset_model.ts";

const LANES = 3;
const PARTITIONS = 2;
const ERA = 5;
export const TOPIC = "orders";

export interface PartitionTruth {
  readonly partition: number;
  topicId: string;
  lane: number;
  pairs: Pair[];
  end: { upstream: number; downstream: number };
  leaderEpoch: number | null;
  /** Positions from here on must be exact; below, snapshots may be trimmed. */
  trimmed: number;
}

export type MirrorStep =
  | {
    readonly kind: "mirror";
    readonly partition: number;
    readonly gaps: readonly (readonly [number, number, number])[];
  }
  | { readonly kind: "snapshot"; readonly lane: number }
  | {
    readonly kind: "move";
    readonly partition: number;
    readonly lane: number;
  }
  | {
    readonly kind: "trim";
    readonly partition: number;
    readonly percent: number;
  }
  | { readonly kind: "recreate"; readonly partition: number };

export class MirrorModel {
  readonly truths: PartitionTruth[] = Array.from(
    { length: PARTITIONS },
    (_, partition) => ({
      partition,
      topicId: idOf(partition),
      lane: partition % LANES,
      pairs: [],
      end: { upstream: 0, downstream: 0 },
      leaderEpoch: null,
      trimmed: 0,
    }),
  );
  /** By lane: its records, in the order of the log. */
  readonly logs: Uint8Array[][] = Array.from({ length: LANES }, () => []);
  /** By lane: where its last snapshot begins, before which all may be deleted. */
  readonly starts: number[] = new Array<number>(LANES).fill(0);
  /** What the owners know. */
  readonly map = new OffsetMap();
  #ids = PARTITIONS;

  take(step: MirrorStep): void {
    switch (step.kind) {
      case "mirror": {
        const truth = this.truths[step.partition]!;
        const runs = step.gaps.map((gaps) => mirror(truth, gaps));
        this.#writeDelta(truth, runs);
        return;
      }
      case "snapshot":
        return this.#writeSnapshot(step.lane);
      case "move": {
        const truth = this.truths[step.partition]!;
        if (this.map.position(sourceOf(truth)) === null) return;
        truth.lane = step.lane;
        return this.#writeSnapshot(step.lane);
      }
      case "trim": {
        const truth = this.truths[step.partition]!;
        const at = Math.floor(truth.end.upstream * step.percent / 100);
        truth.trimmed = Math.max(truth.trimmed, at);
        return;
      }
      case "recreate": {
        const truth = this.truths[step.partition]!;
        truth.topicId = idOf(this.#ids++);
        truth.pairs = [];
        truth.end = { ...truth.end, upstream: 0 };
        truth.leaderEpoch = null;
        truth.trimmed = 0;
        this.#writeDelta(truth, []);
      }
    }
  }

  #writeDelta(truth: PartitionTruth, runs: readonly Run[]): void {
    const delta = deltaOf(truth, runs);
    this.#write(truth.lane, encodeDelta(ERA, [delta]));
  }

  #writeSnapshot(lane: number): void {
    const { era, partitions } = this.map.snapshotOf(lane, {
      owns: ({ partition }) => this.truths[partition]!.lane === lane,
      keepFrom: ({ partition, topicId }) => {
        const truth = this.truths[partition]!;
        return truth.topicId === topicId ? truth.trimmed : null;
      },
    });
    this.starts[lane] = this.logs[lane]!.length;
    for (const part of encodeSnapshot(era, partitions, 200)) {
      this.#write(lane, part);
    }
  }

  #write(lane: number, bytes: Uint8Array): void {
    this.logs[lane]!.push(bytes);
    this.map.apply(lane, decodeLaneRecord(bytes));
  }
}

/**
 * Reads the logs of all lanes, in turns that `chances` decide.
 * @param starts by lane, where to begin
 */
export function readLogs(
  logs: readonly (readonly Uint8Array[])[],
  starts: readonly number[],
  chances: Iterator<number>,
): OffsetMap {
  const map = new OffsetMap();
  const next = [...starts];
  for (;;) {
    const left = logs.flatMap((log, lane) =>
      next[lane]! < log.length ? [lane] : []
    );
    if (left.length === 0) return map;
    const lane = left[chances.next().value! % left.length]!;
    map.apply(lane, decodeLaneRecord(logs[lane]![next[lane]!++]!));
  }
}

export const sourceOf = ({ partition, topicId }: PartitionTruth) => ({
  topic: TOPIC,
  partition,
  topicId,
});

/** What `OffsetMap.position` should say, but for the lane. */
export function positionOf(
  truth: PartitionTruth,
): Omit<PartitionPosition, "lane"> {
  const { end, leaderEpoch } = truth;
  const position = end.upstream;
  return { ...sourceOf(truth), era: ERA, position, leaderEpoch };
}

function mirror(
  truth: PartitionTruth,
  [skipped, markers, length]: readonly [number, number, number],
): Run {
  const run = {
    upstream: truth.end.upstream + skipped,
    downstream: truth.end.downstream + markers,
    length,
  };
  truth.pairs.push(...pairsOf([run]));
  // Any that goes up now and then.
  truth.leaderEpoch = (truth.leaderEpoch ?? 0) + skipped;
  truth.end = {
    upstream: run.upstream + length,
    downstream: run.downstream + length,
  };
  return run;
}

function deltaOf(
  truth: PartitionTruth,
  runs: readonly Run[],
): PartitionDelta {
  const { end, leaderEpoch } = truth;
  const position = end.upstream;
  return { ...sourceOf(truth), position, leaderEpoch, runs };
}

function idOf(number: number): string {
  const bytes = new Uint8Array(16);
  bytes[0] = number;
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
