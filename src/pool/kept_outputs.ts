/**
 * Outputs of pools that a cluster has already, by their coordinates, so that
 * what a pool has made again elsewhere need not be copied to it. What was retried
 * is named by the input that was read first (`byFirst`): elsewhere it may have
 * been tried more often, or less. Pure.
 */
import type { Coordinates } from "./coordinates.ts";
import type { DoneInput } from "./done_outputs.ts";

/** Of one input partition and group, of inputs that had as many outputs. */
export interface KeptOutputs
  extends Pick<Coordinates, "topicId" | "partition" | "group" | "count"> {
  /** The topic that they are in. */
  readonly output: string;
  readonly outputs: readonly DoneInput[];
}

type Name = Omit<Coordinates, "clusterId" | "outputTopic">;

export class KeptSet {
  /** By topic: those that were added. */
  readonly #outputs = new Map<string, Set<string>>();
  readonly #topics: ReadonlySet<string>;

  constructor(all: readonly KeptOutputs[] = []) {
    for (const { output, outputs, ...input } of all) {
      const names = this.#outputs.get(output) ?? new Set();
      this.#outputs.set(output, names);
      for (const [offset, ...ordinals] of outputs) {
        for (const ordinal of ordinals) {
          names.add(nameOf({ ...input, offset, ordinal }));
        }
      }
    }
    this.#topics = new Set(this.#outputs.keys());
  }

  /** Topics that have some. */
  get topics(): ReadonlySet<string> {
    return this.#topics;
  }

  /** Topic ids are unique, so the cluster's does not count. */
  has(output: string, name: Name): boolean {
    return this.#outputs.get(output)?.has(nameOf(name)) ?? false;
  }
}

const nameOf = (
  { count, group, offset, ordinal, partition, topicId }: Pick<
    Name,
    "count" | "group" | "offset" | "ordinal" | "partition" | "topicId"
  >,
): string => `${topicId}/${partition}/${offset}/${ordinal}/${count}/${group}`;
