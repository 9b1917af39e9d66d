/**
 * Judges outputs on the target by the coordinates that they carry:
 *
 *     input    ... settled ... | p ... done ... | position ... tail ...
 *                              ^ the group's     ^ the mirror's
 *
 * Below p, where the group goes on, no input is read again. From p on, inputs
 * that were mirrored are, and what they have caused already must not be sent
 * again. Beyond the mirror's position are inputs that only the old cluster has.
 *
 * What comes of a record in a delay topic has several inputs, each read before the
 * one that it came to; that will be processed again which is the first of these,
 * the latest first, that was mirrored:
 *
 *     input ──> record in a delay topic ──> output
 *     mirrored  tail                        done, of the input
 *     tail      tail                        tail, of the input: it is replayed
 *
 * Pure.
 */
import type { Coordinates } from "../../src/pool/coordinates.ts";
import type { Place } from "../../src/pool/places.ts";
import { copyOf, type OffsetMap } from "../offset_map/mod.ts";
import type { EraOutputs } from "./done_records.ts";
import { FailoverError } from "./errors.ts";
import { OutputTable } from "./output_table.ts";

/** Committed offsets of a group on the target, by `topic-partition`. */
export type Committed = ReadonlyMap<string, number>;

export interface FinderParts {
  /** As the sealed lanes have it. */
  readonly map: Pick<
    OffsetMap,
    "back" | "partitions" | "position" | "translate"
  >;
  readonly targetTopic: (topic: string) => string;
  /** Of topics of the target. */
  readonly targetTopicIds: ReadonlyMap<string, string>;
  /** What was processed there is no copy. */
  readonly targetClusterId: string;
}

/** All of them are held in memory, in 16 bytes each. */
const MOST_OUTPUTS = 5_000_000;

interface TailTopic {
  /** Null: it was not mirrored. */
  readonly name: string | null;
  readonly id: string;
  readonly clusterId: string;
}

interface DoneTopic {
  readonly name: string;
  readonly id: string;
}

export class OutputFinder {
  readonly #parts: FinderParts;
  /** Of topics that were mirrored: their names on the source, by their ids. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #done = new OutputTable<DoneTopic>();
  readonly #tail = new OutputTable<TailTopic>();
  #sourceId: string | null = null;
  #unknown = 0;

  constructor(parts: FinderParts) {
    this.#parts = parts;
    this.#names = new Map(
      Array.from(
        parts.map.partitions(),
        ({ topic, topicId }) => [topicId, topic],
      ),
    );
  }

  /**
   * Outputs whose inputs should have been mirrored, and are in no run that is
   * known any more, but for those that lie below p for certain: they may be
   * repeated.
   */
  get unknown(): number {
    return this.#unknown;
  }

  /** All that were taken and count, those that came twice included. */
  get count(): number {
    return this.#done.count + this.#tail.count;
  }

  /**
   * Takes one output. Where it was taken before, nothing changes.
   * @param before where its input was read before it came to a delay topic, the
   * latest first
   * @param committed of its group
   * @throws {FailoverError} where there are more than can be held.
   */
  take(
    coordinates: Coordinates,
    before: readonly Place[],
    committed: Committed,
  ): void {
    const input = [coordinates, ...before]
      .find((each) => !this.#isInTail(each));
    if (input === undefined) {
      this.#takeTail(coordinates, before.at(-1) ?? coordinates);
    } else if (input.clusterId !== this.#parts.targetClusterId) {
      this.#takeDone(coordinates, input, committed);
    }
    if (this.count <= MOST_OUTPUTS) return;
    throw new FailoverError(
      "failed",
      `more than ${MOST_OUTPUTS} outputs are on the target whose inputs ` +
        "would be processed again; see that groups are mirrored " +
        "(MIRROR_GROUP_SYNC)",
    );
  }

  #takeTail(
    { count, group, ordinal, outputTopic }: Coordinates,
    { clusterId, offset, partition, topicId: id }: Place,
  ): void {
    const output = this.#parts.targetTopic(outputTopic);
    this.#tail.add(
      [clusterId, id, partition, count, output, group].join("/"),
      () => {
        const topic = { name: this.#names.get(id) ?? null, id, clusterId };
        return { group, topic, partition, output, count };
      },
      offset,
      ordinal,
    );
  }

  #takeDone(
    { count, group, ordinal, outputTopic }: Coordinates,
    { offset, partition, topicId }: Place,
    committed: Committed,
  ): void {
    const { targetTopic, targetTopicIds } = this.#parts;
    const source = { topic: this.#names.get(topicId)!, topicId, partition };
    const name = targetTopic(source.topic);
    const id = targetTopicIds.get(name);
    // Nobody reads it there.
    if (id === undefined) return;
    const position = committed.get(`${name}-${partition}`) ?? 0;
    const at = copyOf(this.#parts.map, source, offset);
    if (at === null) {
      const settled = this.#parts.map.back(source, position);
      if (!settled?.exact || settled.offset <= offset) this.#unknown++;
      return;
    }
    if (at < position) return;
    const output = targetTopic(outputTopic);
    this.#done.add(
      [name, partition, count, output, group].join("/"),
      () => ({ group, topic: { name, id }, partition, output, count }),
      at,
      ordinal,
    );
  }

  /** What was found by now. */
  found(era: number): EraOutputs {
    return {
      era,
      done: this.#done.entries().map(({ topic, ...entry }) => ({
        ...entry,
        topic: topic.name,
        topicId: topic.id,
      })),
      tail: this.#tail.entries()
        .filter(({ topic: { clusterId } }) =>
          clusterId === (this.#sourceId ?? clusterId)
        )
        .map(({ topic, ...entry }) => ({
          ...entry,
          topic: topic.name,
          topicId: topic.id,
        })),
    };
  }

  /** Whether no more than the cluster has it that it was read from. */
  #isInTail({ clusterId, offset, partition, topicId }: Place): boolean {
    if (clusterId === this.#parts.targetClusterId) return false;
    const topic = this.#names.get(topicId);
    if (topic === undefined) return true;
    // Topic ids are unique: whoever has one that was mirrored is the source.
    this.#sourceId ??= clusterId;
    const position = this.#parts.map.position({ topic, topicId, partition })
      ?.position;
    return position === undefined || offset >= position;
  }
}
