/**
 * What a resuming pool needs beside a group's offsets: S, the place in each
 * partition from which on it looks for outputs of inputs at and above p. MM2
 * has no place for it, so it stands in a compacted topic of ours on the target,
 * `switchyard-cuts.<source>.internal`, in JSON:
 *
 *     key "stable/<cut>/<part>"  {"parts":2,"stable":{"<topic>":[7,null,0]}}
 *     key "released"             {"cuts":{"<cut>":["<group>", ...]}}
 *
 * Topics and offsets are the target's; null: from the partition's beginning.
 * S belongs to a cut and not to a group, because all groups share it. Which cut
 * a group stands at is said in one record, which is written after the group's
 * offsets, and those after it has S: so the S that is found is never above p's,
 * whatever is interrupted. A group that is not named, and a cut without all its
 * parts, mean: look from the beginning of each partition.
 */
import type { OutputRecord } from "../../src/kafka/mod.ts";
import { NAMESPACE } from "../formats/namespace.ts";
import type { OffsetTable } from "./types.ts";

/** In the name of the cut's record: when sampling began. */
export type CutId = string;

export const cutsTopic = (source: string): string =>
  `${NAMESPACE}-cuts.${source}.internal`;

/** Partitions in one record: some 300 KB, well below what brokers take. */
const PARTITIONS_A_PART = 20_000;
const RELEASED = "released";
const STABLE = /^stable\/(\w+)\/(\d+)$/;

export interface StablePart {
  readonly parts: number;
  readonly stable: Readonly<Record<string, readonly (number | null)[]>>;
}

export type CutRecord =
  | {
    readonly kind: "stable";
    readonly cut: CutId;
    readonly part: number;
    /** Null: it is deleted. */
    readonly content: StablePart | null;
  }
  | {
    readonly kind: "released";
    /** By group. */
    readonly cuts: ReadonlyMap<string, CutId>;
  };

type Place = Pick<OutputRecord, "key" | "value">;

export function stableRecords(cut: CutId, stable: OffsetTable): Place[] {
  const parts: Record<string, readonly (number | null)[]>[] = [{}];
  let size = 0;
  for (const [topic, offsets] of stable) {
    if (size > 0 && size + offsets.length > PARTITIONS_A_PART) {
      parts.push({});
      size = 0;
    }
    parts.at(-1)![topic] = offsets;
    size += offsets.length;
  }
  return parts.map((part, index) => ({
    key: `stable/${cut}/${index}`,
    value: JSON.stringify({ parts: parts.length, stable: part }),
  }));
}

export const stableKey = (cut: CutId, part: number): string =>
  `stable/${cut}/${part}`;

export function releasedRecord(cuts: ReadonlyMap<string, CutId>): Place {
  const groups: Record<CutId, string[]> = {};
  for (const [group, cut] of cuts) (groups[cut] ??= []).push(group);
  return { key: RELEASED, value: JSON.stringify({ cuts: groups }) };
}

/** Null: no record of this kind; it says nothing. */
export function parseCutRecord(
  key: string | null,
  value: string | null,
): CutRecord | null {
  const json = value === null ? null : parsed(value);
  if (key === RELEASED) {
    const cuts = json?.["cuts"];
    if (!isObject(cuts)) return null;
    const byGroup = new Map<string, CutId>();
    for (const [cut, groups] of Object.entries(cuts)) {
      for (const group of Array.isArray(groups) ? groups : []) {
        if (typeof group === "string") byGroup.set(group, cut);
      }
    }
    return { kind: "released", cuts: byGroup };
  }
  const [, cut, part] = STABLE.exec(key ?? "") ?? [];
  if (cut === undefined) return null;
  const content = isStablePart(json) ? json : null;
  return { kind: "stable", cut, part: Number(part), content };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isOffsets = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((each) => each === null || Number.isSafeInteger(each));

const isStablePart = (
  json: Record<string, unknown> | null,
): json is Record<string, unknown> & StablePart =>
  json !== null && typeof json["parts"] === "number" &&
  isObject(json["stable"]) && Object.values(json["stable"]).every(isOffsets);
