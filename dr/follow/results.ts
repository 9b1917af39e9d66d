/**
 * What comes of records: each result says by its coordinates which record it
 * comes of, so that a failover finds those that the new cluster has already; and
 * those that were found are left out.
 */
import type { OutputRecord, TopicPartition } from "../../src/kafka/mod.ts";
import {
  COORDINATES_HEADER,
  coordinatesFrom,
} from "../../src/pool/coordinates.ts";
import {
  type DoneIndex,
  DoneOffsets,
  type DoneOutputs,
  indexDone,
} from "../../src/pool/done_outputs.ts";

export interface ResultsParts {
  /** Of the cluster that the records are read from. */
  readonly clusterId: string;
  readonly group: string;
  /** Found when this cluster was promoted; null: nothing was. */
  readonly done: DoneOutputs | null;
}

/** A record that something comes of. */
export interface Origin extends TopicPartition {
  readonly topicId: string;
  readonly offset: number;
}

interface Lane {
  readonly write: ReturnType<typeof coordinatesFrom>;
  readonly done: DoneOffsets;
}

/** Applications have no dead letters, nor topics for trying again. */
const NO_HANDOVERS: ReadonlySet<string> = new Set();

export class Results {
  readonly #parts: ResultsParts;
  readonly #done: DoneIndex | null;
  readonly #lanes = new Map<string, Lane>();

  constructor(parts: ResultsParts) {
    this.#parts = parts;
    this.#done = indexDone(parts.done);
  }

  /** @param outputs all of the record, in the order in which they always come */
  of(origin: Origin, outputs: readonly OutputRecord[]): OutputRecord[] {
    const { offset } = origin;
    const count = outputs.length;
    const { done, write } = this.#laneOf(origin);
    return outputs.flatMap((output, ordinal) => {
      const { headers = [], topic } = output;
      if (done.has(offset, topic, ordinal, count)) return [];
      const value = write(offset, ordinal, count, topic);
      // Of a record that a pool has made, passed on.
      const others = headers.filter(({ key }) => key !== COORDINATES_HEADER);
      return {
        ...output,
        headers: [...others, { key: COORDINATES_HEADER, value }],
      };
    });
  }

  #laneOf({ partition, topic, topicId }: Origin): Lane {
    const key = `${topicId} ${partition}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    // A topic that was created again has other records.
    const done = (this.#done?.get(topic)?.get(partition) ?? [])
      .filter((each) => each.topicId === topicId);
    const { clusterId, group } = this.#parts;
    const lane = {
      write: coordinatesFrom({ clusterId, topicId, partition, group }),
      done: new DoneOffsets(done, 0, NO_HANDOVERS),
    };
    this.#lanes.set(key, lane);
    return lane;
  }
}
