import type { OffsetMap, SourcePartition } from "./offset_map.ts";

/**
 * The target's offset of one record of the source; null: it has no copy, or none
 * that is known.
 */
export function copyOf(
  map: Pick<OffsetMap, "translate">,
  source: SourcePartition,
  upstream: number,
): number | null {
  const at = map.translate(source, upstream);
  const behind = map.translate(source, upstream + 1);
  // Behind a record is another place than before it: else it is none.
  return at?.exact && behind?.exact && at.offset !== behind.offset
    ? behind.offset - 1
    : null;
}
