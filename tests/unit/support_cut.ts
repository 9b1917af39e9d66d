/** Cuts, positions and translations for tests, in few words. */
import type {
  Cut,
  GroupOffset,
  Positions,
  Translation,
} from "../../dr/cut/mod.ts";
import { offsetTable } from "../../dr/cut/types.ts";

/** By `topic-partition`. */
export type Offsets = Readonly<Record<string, number | null>>;

export const partitionOf = (name: string) => {
  const at = name.lastIndexOf("-");
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) };
};

const tableOf = (offsets: Offsets) =>
  offsetTable(
    Object.entries(offsets).map(([name, offset]) => ({
      ...partitionOf(name),
      offset,
    })),
  );

export interface CutInWords {
  readonly sampledAtMs?: number;
  readonly stable?: Offsets;
  readonly ends: Offsets;
  /** By group. */
  readonly groups: Readonly<Record<string, Offsets>>;
  readonly metadata?: string;
}

export function cutOf(
  { ends, groups, metadata = "", sampledAtMs = 1, stable = {} }: CutInWords,
): Cut {
  return {
    sampledAtMs,
    stable: tableOf(stable),
    ends: tableOf(ends),
    failed: new Map(),
    groups: new Map(
      Object.entries(groups).map(([group, offsets]) => [group, {
        isWhole: true,
        offsets: Object.entries(offsets).map(([name, offset]): GroupOffset => ({
          ...partitionOf(name),
          offset: offset!,
          metadata,
        })),
      }]),
    ),
  };
}

/** Changes with the tables that are given. */
export function positionsOf(
  offsets: Offsets,
  stopped: Readonly<Record<string, string>> = {},
): Positions {
  return {
    position: ({ topic, partition }) =>
      offsets[`${topic}-${partition}`] ?? null,
    stopped: ({ topic, partition }) => stopped[`${topic}-${partition}`] ?? null,
  };
}

/** Each offset becomes one that is higher by so much, exactly. */
export const shifted = (by: number): Translation => ({
  translate: (_, upstream) => ({ offset: upstream + by, exact: true }),
});
