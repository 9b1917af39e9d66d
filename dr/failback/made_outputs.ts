/**
 * Outputs of pools in the old cluster's tail, by where their inputs lie. Pure.
 *
 *     input    ... mirrored ... | position ... tail ...
 *              its copy is known | it is copied by a replay
 */
import type { Coordinates } from "../../src/pool/coordinates.ts";
import type { KeptOutputs } from "../../src/pool/kept_outputs.ts";
import { OutputTable } from "../failover/output_table.ts";
import type { OffsetMap } from "../offset_map/mod.ts";

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

  take(coordinates: Coordinates): void {
    const { activeIds, map, oldClusterId } = this.#sides;
    const { clusterId, offset, partition, topicId } = coordinates;
    // What another cluster's pool has made nobody makes again.
    if (clusterId !== oldClusterId) return;
    const topic = this.#names.get(topicId);
    const source = { topic: topic ?? "", topicId, partition };
    const position = topic === undefined ? null : map.position(source);
    if (position === null || offset >= position.position) {
      add(this.#ofTail, coordinates);
      return;
    }
    const [at, behind] = [offset, offset + 1]
      .map((each) => map.translate(source, each));
    const activeId = activeIds.get(source.topic);
    const isCopied = at?.exact && behind?.exact && at.offset !== behind.offset;
    if (!isCopied || activeId === undefined) return;
    const copy = { topicId: activeId, offset: behind.offset - 1 };
    add(this.#made, { ...coordinates, ...copy });
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
