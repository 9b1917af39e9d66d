/**
 * Outputs of pools in the old cluster's tail, by where their inputs lie. Pure.
 *
 *     input    ... mirrored ... | position ... tail ...
 *              its copy is known | it is copied by a replay
 *
 * What comes of a record in a delay topic is named by the input that was read
 * first, in the terms that what is made of it on the active cluster has: those of
 * the record that goes on there.
 *
 *     input ──> record in a delay topic ──> output
 *     mirrored  tail                        in terms of the input's copy
 *     mirrored  mirrored                    as it is: the record's header was copied
 *     tail      tail                        of the tail
 */
import type { Coordinates } from "../../src/pool/coordinates.ts";
import type { KeptOutputs } from "../../src/pool/kept_outputs.ts";
import { byFirst, type Place } from "../../src/pool/places.ts";
import { OutputTable } from "../failover/output_table.ts";
import { copyOf, type OffsetMap } from "../offset_map/mod.ts";

export interface InputSides {
  /** From the old cluster to the active one, as its sealed lanes have it. */
  readonly map: Pick<OffsetMap, "partitions" | "position" | "translate">;
  /** Of the active cluster, by the name that both have. */
  readonly activeIds: ReadonlyMap<string, string>;
  readonly oldClusterId: string;
}

export class MadeOutputs {
  readonly #sides: InputSides;
  /** Of topics that were mirrored: by id. */
  readonly #names: ReadonlyMap<string, string>;
  #made = new OutputTable<string>();
  #ofTail = new OutputTable<string>();

  constructor(sides: InputSides) {
    this.#sides = sides;
    this.#names = new Map(
      Array.from(
        sides.map.partitions(),
        ({ topic, topicId }) => [topicId, topic],
      ),
    );
  }

  /**
   * @param before where its input was read before it came to a delay topic, the
   * latest first
   */
  take(coordinates: Coordinates, before: readonly Place[]): void {
    const { oldClusterId } = this.#sides;
    // What another cluster's pool has made nobody makes again.
    if (coordinates.clusterId !== oldClusterId) return;
    const first = before.at(-1) ?? coordinates;
    const output = byFirst(coordinates, before);
    const goesOn = [coordinates, ...before].find((each) =>
      !this.#isInTail(each)
    );
    if (goesOn === undefined) {
      add(this.#ofTail, output);
    } else if (goesOn !== first || first.clusterId !== oldClusterId) {
      add(this.#made, output);
    } else {
      const copy = this.#copyOf(first);
      if (copy !== null) add(this.#made, { ...output, ...copy });
    }
  }

  #isInTail({ clusterId, offset, partition, topicId }: Place): boolean {
    const { map, oldClusterId } = this.#sides;
    if (clusterId !== oldClusterId) return false;
    const topic = this.#names.get(topicId);
    if (topic === undefined) return true;
    const position = map.position({ topic, topicId, partition })?.position;
    return position === undefined || offset >= position;
  }

  #copyOf(
    { offset, partition, topicId }: Place,
  ): Pick<Place, "topicId" | "offset"> | null {
    const { activeIds, map } = this.#sides;
    const topic = this.#names.get(topicId)!;
    const activeId = activeIds.get(topic);
    const copy = copyOf(map, { topic, topicId, partition }, offset);
    return copy === null || activeId === undefined
      ? null
      : { topicId: activeId, offset: copy };
  }

  /** Since the last call. */
  takeAll(): {
    readonly made: KeptOutputs[];
    readonly madeOfTail: KeptOutputs[];
  } {
    const [made, ofTail] = [this.#made, this.#ofTail];
    this.#made = new OutputTable();
    this.#ofTail = new OutputTable();
    return { made: keptIn(made), madeOfTail: keptIn(ofTail) };
  }
}

/** By ids of topics. */
function add(table: OutputTable<string>, coordinates: Coordinates): void {
  const { count, group, offset, ordinal, outputTopic, partition, topicId } =
    coordinates;
  table.add(
    [topicId, partition, count, outputTopic, group].join("/"),
    () => ({ group, topic: topicId, partition, output: outputTopic, count }),
    offset,
    ordinal,
  );
}

const keptIn = (table: OutputTable<string>): KeptOutputs[] =>
  table.entries().map(({ topic, ...each }) => ({ ...each, topicId: topic }));
