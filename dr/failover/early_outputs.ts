/**
 * Outputs that are read ahead: before the lanes are sealed, and where a switch
 * is expected even before it is decided. Which of them count is judged later,
 * and what came since is read then:
 *
 *     S ............... stable end then ......... stable end at the scan
 *       read ahead                      left
 */
import type { TopicRange } from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { idOf } from "../mirror/names.ts";
import { OutputTable } from "./output_table.ts";
import type { FoundOutput } from "./read_outputs.ts";

export class EarlyOutputs {
  /** What was read. */
  readonly ranges: readonly TopicRange[];
  readonly #table = new OutputTable<
    { readonly clusterId: string; readonly topicId: string }
  >();
  /** What comes of records in delay topics, which are few. */
  readonly #retried: FoundOutput[] = [];

  constructor(ranges: readonly TopicRange[]) {
    this.ranges = ranges;
  }

  add(output: FoundOutput): void {
    const [coordinates, before] = output;
    if (before.length > 0) {
      this.#retried.push(output);
      return;
    }
    const { clusterId, count, group, ordinal, offset, partition, topicId } =
      coordinates;
    const topic = { clusterId, topicId };
    const place = { group, topic, partition, output: coordinates.outputTopic };
    this.#table.add(
      [clusterId, topicId, partition, count, place.output, group].join("/"),
      () => ({ ...place, count }),
      offset,
      ordinal,
    );
  }

  /** Each once. */
  *[Symbol.iterator](): Generator<FoundOutput> {
    yield* this.#retried;
    for (const { topic, output, outputs, ...place } of this.#table.entries()) {
      for (const [offset, ...ordinals] of outputs) {
        for (const ordinal of ordinals) {
          yield [
            { ...place, ...topic, offset, ordinal, outputTopic: output },
            [],
          ];
        }
      }
    }
  }
}

/**
 * What is left of these ranges. What was read is read again where that began
 * above a range. Pure.
 * @param ends of all partitions
 * @returns null where an end lies below what was read: that is gone.
 */
export function leftToRead(
  ranges: readonly TopicRange[],
  ends: OffsetTable,
  early: readonly TopicRange[],
): TopicRange[] | null {
  const isGone = early.some((each) => {
    const end = offsetIn(ends, each);
    return end !== null && end < each.end;
  });
  if (isGone) return null;
  const known = new Map(early.map((each) => [idOf(each), each]));
  return ranges.map((each) => {
    const read = known.get(idOf(each));
    return read === undefined || read.start > each.start
      ? each
      : { ...each, start: Math.max(each.start, read.end) };
  }).filter(({ end, start }) => start < end);
}
