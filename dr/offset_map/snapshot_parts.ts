/** Cuts what a snapshot says into parts that each fit into one record. */
import { MAX_VARINT_BYTES, varintBytes, zigzagBytes } from "./bytes.ts";
import { byTopic, type PartitionDelta, stepTo } from "./partition_delta.ts";
import type { Run } from "./runs.ts";

// Numbers beside the runs count as the longest that there are.
const HEADER_BYTES = 2 + 4 * MAX_VARINT_BYTES;
const TOPIC_BYTES = 2 * MAX_VARINT_BYTES + 16;
const PARTITION_BYTES = 4 * MAX_VARINT_BYTES;

const encoder = new TextEncoder();

/**
 * A partition goes on in the next part where its runs do not fit into one.
 * @throws {RangeError} where `maxBytes` has no room for a topic and a run.
 */
export function inParts(
  partitions: readonly PartitionDelta[],
  maxBytes: number,
): PartitionDelta[][] {
  let part: PartitionDelta[] = [];
  const parts = [part];
  let room = maxBytes - HEADER_BYTES;
  for (const topic of byTopic(partitions)) {
    const name = encoder.encode(topic[0]!.topic).length;
    let topicBytes = TOPIC_BYTES + name;
    for (const each of topic) {
      for (let from = 0;;) {
        const left = room - topicBytes - PARTITION_BYTES;
        const filled = fill(each.runs, from, left);
        if (filled !== null) {
          part.push({ ...each, runs: each.runs.slice(from, filled.to) });
          room = filled.left;
          topicBytes = 0;
          from = filled.to;
          if (from === each.runs.length) break;
        } else if (part.length === 0) {
          throw new RangeError(
            `a part of ${maxBytes} bytes has no room for "${each.topic}"`,
          );
        } else {
          parts.push(part = []);
          room = maxBytes - HEADER_BYTES;
          topicBytes = TOPIC_BYTES + name;
        }
      }
    }
  }
  return parts;
}

/** As many runs, from one on, as there is room for; null: for none. */
function fill(
  runs: readonly Run[],
  from: number,
  room: number,
): { readonly to: number; readonly left: number } | null {
  let left = room;
  let to = from;
  for (; to < runs.length; to++) {
    const before = to === from ? undefined : runs[to - 1];
    const { upstream, downstream, length } = stepTo(runs[to]!, before);
    const bytes = varintBytes(upstream) + zigzagBytes(downstream) +
      varintBytes(length);
    if (bytes > left) break;
    left -= bytes;
  }
  const isSome = to > from || runs.length === 0;
  return left >= 0 && isSome ? { to, left } : null;
}
