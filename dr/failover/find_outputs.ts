/**
 * Judges outputs on the target by the coordinates that they carry:
 *
 *     input    ... settled ... | p ... done ... | position ... tail ...
 *                              ^ the group's     ^ the mirror's
 *
 * Below p, where the group goes on, no input is read again. From p on, inputs
 * that were mirrored are, and what they have caused already must not be sent
 * again. Beyond the mirror's position are inputs that only the old cluster has.
 * Pure.
 */
import type { Coordinates } from "../../src/pool/coordinates.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import type { EraOutputs } from "./done_records.ts";
import { FailoverError } from "./errors.ts";
import { OutputTable } from "./output_table.ts";

/** Committed offsets of a group on the target, by `topic-partition`. */
export type Committed = ReadonlyMap<string, number>;

export interface FinderParts {
  /** As the sealed lanes have it. */
  readonly map: Pick<OffsetMap, "partitions" | "position" | "translate">;
  readonly targetTopic: (topic: string) => string;
  /** What was processed there is no copy. */
  readonly targetClusterId: string;
}

/** All of them are held in memory, in 16 bytes each. */
const MOST_OUTPUTS = 5_000_000;

interface TailTopic {
  readonly name: string | null;
  readonly id: string;
  readonly clusterId: string;
}

export class OutputFinder {
  readonly #parts: FinderParts;
  /** Of topics that were mirrored: their names on the source, by their ids. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #done = new OutputTable<string>();
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
   * Outputs whose inputs should have been mirrored and are in no run that is
   * known any more: they may be repeated where they are above p.
   */
  get unknown(): number {
    return this.#unknown;
  }

  /**
   * Takes one output. Where it was taken before, nothing changes.
   * @param committed of its group
   * @throws {FailoverError} where there are more than can be held.
   */
  take(coordinates: Coordinates, committed: Committed): void {
    const { clusterId, group, offset, ordinal, partition, topicId } =
      coordinates;
    if (clusterId === this.#parts.targetClusterId) return;
    const name = this.#names.get(topicId) ?? null;
    // Topic ids are unique: whoever has one that was mirrored is the source.
    if (name !== null) this.#sourceId ??= clusterId;
    const source = { topic: name ?? "", topicId, partition };
    const position = name === null
      ? null
      : this.#parts.map.position(source)?.position ?? null;
    if (name === null || position === null || offset >= position) {
      this.#tail.add(
        `${clusterId}/${topicId}/${partition}/${group}`,
        () => ({ group, topic: { name, id: topicId, clusterId }, partition }),
        offset,
        ordinal,
      );
      return this.#expectRoom();
    }
    const at = this.#targetOffset(source, offset);
    if (at === null) {
      this.#unknown++;
      return;
    }
    const topic = this.#parts.targetTopic(name);
    if (at < (committed.get(`${topic}-${partition}`) ?? 0)) return;
    this.#done.add(
      `${topic}/${partition}/${group}`,
      () => ({ group, topic, partition }),
      at,
      ordinal,
    );
    this.#expectRoom();
  }

  /** What was found by now. */
  found(era: number): EraOutputs {
    return {
      era,
      done: this.#done.entries(),
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

  /** Of the copy of one record; null: there is none that is known. */
  #targetOffset(
    source: { topic: string; topicId: string; partition: number },
    offset: number,
  ): number | null {
    const { map } = this.#parts;
    const [at, behind] = [offset, offset + 1].map((each) =>
      map.translate(source, each)
    );
    // Behind a record is another place than before it: else it is none.
    return at?.exact && behind?.exact && at.offset !== behind.offset
      ? behind.offset - 1
      : null;
  }

  #expectRoom(): void {
    if (this.#done.count + this.#tail.count <= MOST_OUTPUTS) return;
    throw new FailoverError(
      "failed",
      `more than ${MOST_OUTPUTS} outputs are on the target whose inputs ` +
        "would be processed again; see that groups are mirrored " +
        "(MIRROR_GROUP_SYNC)",
    );
  }
}
