/** Which record of each partition was mirrored last. Pure. */
import type { OffsetMap } from "../offset_map/mod.ts";

/** Partitions are left out of which no record is known. */
export function* newestOf(map: OffsetMap) {
  for (const { topic, partition, position } of map.partitions()) {
    const tp = { topic, partition };
    const next = map.translate(tp, position);
    if (next?.exact !== true || next.offset === 0) continue;
    const downstream = next.offset - 1;
    // Where that is not exact nothing is known but how far the mirror is.
    if (map.back(tp, downstream)?.exact !== true) continue;
    // Behind the record, and not at it: before it the source may have a gap.
    const behind = map.back(tp, next.offset)!;
    yield { ...tp, upstream: behind.offset - 1, downstream };
  }
}
