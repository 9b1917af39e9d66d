/**
 * How far the tail of each partition of the old cluster was brought to the
 * active one, and where it lies there: the compacted topic
 * `switchyard-replay.<source>.internal` of the active cluster, in JSON. Each
 * transaction that carries records of a tail writes one, a **chunk**, so that
 * both are there or neither is:
 *
 *     key    "<topic id>/<partition>/<from>"
 *     value  {"topic":"t","topicId":"...","partition":0,"from":100,"next":200,
 *             "action":"replay","target":"t","runs":[[100,7000,60],[161,7060,39]]}
 *
 * `from` and `next` are offsets of the old cluster; what is between them is dealt
 * with. A run is its first offset there, the first of its copies, and how many.
 * Replayed copies are on the old cluster already: the mirror back leaves them out.
 * Pure.
 */
import { z } from "zod";
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { OffsetRanges } from "../../src/pool/offset_ranges.ts";

/** What becomes of a tail. */
export type TailAction = "replay" | "quarantine" | "discard";

export type ChunkRun = readonly [
  upstream: number,
  downstream: number,
  length: number,
];

/** A part of a tail; `topic` and `partition` are the old cluster's. */
export interface Chunk extends TopicPartition {
  readonly topicId: string;
  readonly from: number;
  /** The next offset to be dealt with. */
  readonly next: number;
  readonly action: TailAction;
  /** Whose partition of that number has the copies. */
  readonly target: string;
  readonly runs: readonly ChunkRun[];
}

export interface ChunkRecord {
  readonly key: string;
  readonly value: string;
}

const offset = z.int().min(0);
const schema: z.ZodType<Chunk> = z.object({
  topic: z.string(),
  topicId: z.string().min(1),
  partition: offset,
  from: offset,
  next: offset,
  action: z.enum(["replay", "quarantine", "discard"]),
  target: z.string(),
  runs: z.array(z.tuple([offset, offset, z.int().min(1)])),
});

export const chunkRecord = (chunk: Chunk): ChunkRecord => ({
  key: `${chunk.topicId}/${chunk.partition}/${chunk.from}`,
  value: JSON.stringify(chunk),
});

/** Of copies in the order of their originals. */
export function chunkRuns(
  pairs: readonly (readonly [upstream: number, downstream: number])[],
): ChunkRun[] {
  const runs: [number, number, number][] = [];
  for (const [upstream, downstream] of pairs) {
    const last = runs.at(-1);
    const continues = last !== undefined && upstream === last[0] + last[2] &&
      downstream === last[1] + last[2];
    if (continues) last[2]++;
    else runs.push([upstream, downstream, 1]);
  }
  return runs;
}

/** What the topic says. */
export class ReplayLog {
  /** By topic id and partition of the old cluster. */
  readonly #chunks = new Map<string, Chunk[]>();

  /** Takes the topic's records in their order; what is none says nothing. */
  take(key: string | null, value: string | null): void {
    const chunk = value === null ? null : chunkOf(value);
    if (chunk !== null && chunkRecord(chunk).key === key) this.add(chunk);
  }

  add(chunk: Chunk): void {
    const key = keyOf(chunk);
    const chunks = this.#chunks.get(key) ?? [];
    this.#chunks.set(
      key,
      [...chunks.filter(({ from }) => from !== chunk.from), chunk],
    );
  }

  /** Where the tail goes on; 0: nothing of it was dealt with. */
  next(partition: Pick<Chunk, "topicId" | "partition">): number {
    return (this.#chunks.get(keyOf(partition)) ?? [])
      .reduce((most, { next }) => Math.max(most, next), 0);
  }

  /** The offset of the copy of one record; null: it has none. */
  copyOf(
    partition: Pick<Chunk, "topicId" | "partition">,
    upstream: number,
  ): { readonly target: string; readonly offset: number } | null {
    for (const { runs, target } of this.#chunks.get(keyOf(partition)) ?? []) {
      const run = runs.find(([from, , length]) =>
        from <= upstream && upstream < from + length
      );
      if (run !== undefined) {
        return { target, offset: run[1] + upstream - run[0] };
      }
    }
    return null;
  }

  /**
   * What replays have written, by `topic-partition` of the active cluster:
   * ascending, and apart from one another.
   */
  written(): ReadonlyMap<string, OffsetRanges> {
    const ranges = new Map<string, [number, number][]>();
    for (const chunks of this.#chunks.values()) {
      for (const { action, partition, runs, target } of chunks) {
        if (action !== "replay") continue;
        const id = `${target}-${partition}`;
        const known = ranges.get(id) ?? [];
        ranges.set(id, known);
        for (const [, first, length] of runs) {
          known.push([first, first + length]);
        }
      }
    }
    return new Map(Array.from(ranges, ([id, each]) => [id, joined(each)]));
  }
}

function joined(ranges: readonly [number, number][]): OffsetRanges {
  const edges: number[] = [];
  for (const [start, end] of ranges.toSorted(([a], [b]) => a - b)) {
    if (edges.at(-1) === start) edges[edges.length - 1] = end;
    else edges.push(start, end);
  }
  return edges;
}

function chunkOf(value: string): Chunk | null {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
  return schema.safeParse(json).data ?? null;
}

const keyOf = (
  { partition, topicId }: Pick<Chunk, "topicId" | "partition">,
): string => `${topicId}/${partition}`;
