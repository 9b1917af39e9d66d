/**
 * How far groups must have read of what pools have made again, and the mirror
 * back leaves out: on the primary it lies below all that they go on with.
 */
import {
  type Admin,
  type ConsumerProperties,
  type Library,
  readTopics,
  type TopicRange,
} from "../../src/kafka/mod.ts";
import { type KeptOutputs, KeptSet } from "../../src/pool/kept_outputs.ts";
import { byFirst } from "../../src/pool/places.ts";
import { offsetIn } from "../cut/mod.ts";
import { earliestOffsets, latestOffsets } from "../cut/requests.ts";
import type { Committed } from "../failover/find_outputs.ts";
import { outputAt } from "../failover/read_outputs.ts";
import { idOf } from "../mirror/names.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import { FailbackError } from "./errors.ts";
import { partitionsText } from "./partitions_text.ts";

export interface MadeAgainParts {
  readonly library: Library;
  /** Both of the active cluster. */
  readonly admin: Admin;
  readonly consumer: ConsumerProperties;
  /** Of the mirror back. */
  readonly map: Pick<OffsetMap, "partitions" | "position">;
}

const REQUEST_MS = 10_000;

/**
 * By `topic-partition`: behind the last such output that a group has yet to read.
 * Looks only at what lies above the lowest position of a group.
 * @throws {KafkaError | ReadError}; the signal's reason.
 */
export async function lastMadeAgain(
  { admin, consumer, library, map }: MadeAgainParts,
  kept: readonly KeptOutputs[],
  groups: Iterable<Committed>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const set = new KeptSet(kept);
  const all = [...groups];
  const partitions = [...map.partitions()]
    .filter(({ topic }) => set.topics.has(topic));
  const [ends, begins] = await Promise.all([
    latestOffsets(admin, partitions, true, REQUEST_MS, signal),
    earliestOffsets(admin, partitions, REQUEST_MS, signal),
  ]);
  const unknown = partitions.filter((tp) =>
    offsetIn(ends, tp) === null || offsetIn(begins, tp) === null
  );
  if (unknown.length > 0) {
    throw new FailbackError(
      "refused",
      `where ${partitionsText(unknown)} of the secondary begins and ends is ` +
        "not known; see that its partitions have leaders, and run it again",
    );
  }
  const ranges = partitions.flatMap((tp): TopicRange[] => {
    const positions = all.flatMap((each) => each.get(idOf(tp)) ?? []);
    const end = offsetIn(ends, tp)!;
    const start = Math.max(Math.min(...positions), offsetIn(begins, tp)!);
    const { partition, topic } = tp;
    return start < end ? [{ topic, partition, start, end }] : [];
  });
  const last = new Map<string, number>();
  const batches = readTopics({ library, properties: consumer, ranges, signal });
  for await (const batch of batches) {
    for (let at = 0; at < batch.count; at++) {
      const output = outputAt(batch, at);
      if (output === null) continue;
      const tp = batch.tp(at);
      if (set.has(tp.topic, byFirst(...output))) {
        last.set(idOf(tp), batch.offset(at) + 1);
      }
    }
  }
  // Reading ends early then, and says nothing.
  signal.throwIfAborted();
  return last;
}
