/** What this folder asks of the other parts of the mirror. */
import type { TopicPartition } from "../../src/kafka/mod.ts";

/** Offsets by topic, then by partition; null or absent: not known. */
export type OffsetTable = ReadonlyMap<string, readonly (number | null)[]>;

/** A position that a group has committed. */
export interface GroupOffset extends TopicPartition {
  readonly offset: number;
  readonly metadata: string;
}

/** How far each partition has been mirrored. Partitions are the source's. */
export interface Positions {
  /**
   * The next upstream offset: whatever lies below it, control records included,
   * is durable on the target, or was nothing to copy. Null: not begun.
   */
  position(tp: TopicPartition): number | null;
  /** Why nothing more of it is mirrored, as a user reads it; null: it is. */
  stopped(tp: TopicPartition): string | null;
}

/** Whose `offset` lies on the target. */
export interface Translated {
  /**
   * Of the last mirrored record below the upstream offset, plus one; where
   * there is none below, that of the first one.
   */
  readonly offset: number;
  /** False: `offset` is no more than a lower bound of that. */
  readonly exact: boolean;
  /** Why it is not exact; `nothing-mirrored`: no record can lie between. */
  readonly why?: string;
}

export interface Translation {
  /** Null: nothing is known of the partition. */
  translate(tp: TopicPartition, upstream: number): Translated | null;
}

/**
 * Where a group would go on on the target: MirrorMaker 2's checkpoint. Topic
 * and partition are the target's.
 */
export interface Checkpoint extends TopicPartition {
  readonly group: string;
  readonly upstream: number;
  readonly downstream: number;
  readonly metadata: string;
}

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * The source topics that a group's processing may write to; null: any. Only
 * what is certain may be left out, see `verdicts`.
 */
export type OutputsOf = (group: string) => readonly string[] | null;

export const offsetIn = (
  table: OffsetTable,
  { topic, partition }: TopicPartition,
): number | null => table.get(topic)?.[partition] ?? null;

/** Builds a table; later entries win. */
export function offsetTable(
  entries: Iterable<TopicPartition & { readonly offset: number | null }>,
): OffsetTable {
  const table = new Map<string, (number | null)[]>();
  for (const { topic, partition, offset } of entries) {
    const offsets = table.get(topic) ?? [];
    table.set(topic, offsets);
    while (offsets.length < partition) offsets.push(null);
    offsets[partition] = offset;
  }
  return table;
}
