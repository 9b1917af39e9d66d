/** How groups stand on the secondary, and on the primary. */
import type { Admin } from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import { committedOf } from "../failover/target.ts";
import type { Committed } from "../failover/find_outputs.ts";
import { idOf } from "../mirror/names.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import { partitionsText } from "./partitions_text.ts";
import type { OffsetRanges } from "../../src/pool/offset_ranges.ts";

const REQUEST_MS = 10_000;

/**
 * @throws {KafkaError} also where one broker alone does not tell its groups; the
 * signal's reason.
 */
export async function groupNames(
  admin: { readonly groups: Pick<Admin["groups"], "list"> },
  isWanted: (group: string) => boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const listed = await askRepeatedly(
    async () => {
      const timeoutMs = ATTEMPT_MS;
      const { errors, groups } = await admin.groups.list({ timeoutMs, signal });
      if (errors.length > 0) throw errors[0];
      return groups;
    },
    REQUEST_MS,
    signal,
  );
  return listed.map(({ groupId }) => groupId).filter(isWanted);
}

/** By group. @throws {KafkaError}; the signal's reason. */
export async function committedByGroup(
  admin: Admin,
  isWanted: (group: string) => boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Committed>> {
  const found = new Map<string, Committed>();
  for (const group of await groupNames(admin, isWanted, signal)) {
    found.set(group, await committedOf(admin, group, signal));
  }
  return found;
}

/** By `topic-partition`: of all groups that have a position there. Pure. */
export function lowestOf(
  groups: ReadonlyMap<string, Committed>,
): ReadonlyMap<string, number> {
  const lowest = new Map<string, number>();
  for (const committed of groups.values()) {
    for (const [id, offset] of committed) {
      lowest.set(id, Math.min(offset, lowest.get(id) ?? offset));
    }
  }
  return lowest;
}

/**
 * Groups that have yet to read what lies on the primary below everything that is
 * mirrored back: they would miss replayed records, or read the beginning again.
 *
 *     secondary  mirrored once | since | replayed | since
 *                      ^ behind     ^ behind           ^ ready
 *
 * Pure.
 * @param replayed see `ReplayLog.written`
 * @param madeAgain see `lastMadeAgain`
 */
export function groupsBehind(
  groups: ReadonlyMap<string, Committed>,
  map: Pick<OffsetMap, "partitions" | "translate">,
  replayed: ReadonlyMap<string, OffsetRanges>,
  madeAgain: ReadonlyMap<string, number> = new Map(),
): string[] {
  const partitions = [...map.partitions()];
  return [...groups].flatMap(([group, committed]) => {
    const where = partitions.filter((tp) => {
      const offset = committed.get(idOf(tp));
      if (offset === undefined) return false;
      const id = idOf(tp);
      const leftOut = Math.max(
        replayed.get(id)?.at(-1) ?? 0,
        madeAgain.get(id) ?? 0,
      );
      if (offset < leftOut) return true;
      const there = map.translate(tp, offset);
      return there !== null && !there.exact && there.why === "below-known";
    });
    return where.length === 0 ? [] : [
      `group ${group} has yet to read ` +
      where.map(({ partition, topic }) => `${topic} [${partition}]`).join(", "),
    ];
  });
}

/**
 * Groups that do not yet stand on the other cluster as they should, and where.
 * Pure.
 * @param targetTopic the name there
 */
export function unreleased(
  here: ReadonlyMap<string, Committed>,
  there: ReadonlyMap<string, Committed>,
  map: Pick<OffsetMap, "partitions" | "translate">,
  targetTopic: (topic: string) => string = (topic) => topic,
): string[] {
  const partitions = [...map.partitions()];
  return [...here].flatMap(([group, committed]) => {
    const where = partitions.filter((tp) => {
      const offset = committed.get(idOf(tp));
      if (offset === undefined) return false;
      const translated = map.translate(tp, offset);
      if (translated === null || !translated.exact) return false;
      const target = { ...tp, topic: targetTopic(tp.topic) };
      return (there.get(group)?.get(idOf(target)) ?? -1) < translated.offset;
    });
    return where.length === 0
      ? []
      : [`group ${group} in ${partitionsText(where)}`];
  });
}
