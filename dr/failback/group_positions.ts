/** How groups stand on the secondary, and on the primary. */
import type { Admin } from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import { committedOf } from "../failover/target.ts";
import type { Committed } from "../failover/find_outputs.ts";
import { idOf } from "../mirror/names.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import type { OffsetRanges } from "../../src/pool/offset_ranges.ts";

const REQUEST_MS = 10_000;

/** By group. @throws {KafkaError}; the signal's reason. */
export async function committedByGroup(
  admin: Admin,
  isWanted: (group: string) => boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Committed>> {
  const { errors, groups } = await askRepeatedly(
    () => admin.groups.list({ timeoutMs: ATTEMPT_MS, signal }),
    REQUEST_MS,
    signal,
  );
  if (errors.length > 0) throw errors[0];
  const found = new Map<string, Committed>();
  for (const { groupId } of groups.filter(({ groupId }) => isWanted(groupId))) {
    found.set(groupId, await committedOf(admin, groupId, signal));
  }
  return found;
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
 */
export function groupsBehind(
  groups: ReadonlyMap<string, Committed>,
  map: Pick<OffsetMap, "partitions" | "translate">,
  replayed: ReadonlyMap<string, OffsetRanges>,
): string[] {
  const partitions = [...map.partitions()];
  return [...groups].flatMap(([group, committed]) => {
    const where = partitions.filter((tp) => {
      const offset = committed.get(idOf(tp));
      if (offset === undefined) return false;
      if (offset < (replayed.get(idOf(tp))?.at(-1) ?? 0)) return true;
      const there = map.translate(tp, offset);
      return there !== null && !there.exact && there.why === "below-known";
    });
    return where.length === 0 ? [] : [
      `group ${group} has yet to read ` +
      where.map(({ partition, topic }) => `${topic} [${partition}]`).join(", "),
    ];
  });
}

/** What is not yet on the primary as it should be, in partitions. Pure. */
export function unreleased(
  secondary: ReadonlyMap<string, Committed>,
  primary: ReadonlyMap<string, Committed>,
  map: Pick<OffsetMap, "partitions" | "translate">,
): number {
  const partitions = [...map.partitions()];
  let count = 0;
  for (const [group, committed] of secondary) {
    for (const tp of partitions) {
      const offset = committed.get(idOf(tp));
      if (offset === undefined) continue;
      const there = map.translate(tp, offset);
      if (there === null || !there.exact) continue;
      const released = primary.get(group)?.get(idOf(tp)) ?? -1;
      if (released < there.offset) count++;
    }
  }
  return count;
}
