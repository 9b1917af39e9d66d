/**
 * **Wrong group position**: one that a group was given on the target is not the
 * translation of any position that it had on the source.
 */
import type { Pairs } from "./compare.ts";
import type { GroupCommit } from "./consumer_offsets.ts";
import type { Found } from "./report.ts";
import { translatedByRecords } from "./translation.ts";

/** All positions of groups on one cluster, in the order in which they had them. */
export class GroupHistory {
  readonly #positions = new Map<string, number[]>();

  observe({ group, topic, partition, position }: GroupCommit): void {
    if (position === null) return;
    const key = keyOf(group, topic, partition);
    const known = this.#positions.get(key);
    if (known === undefined) this.#positions.set(key, [position.offset]);
    else if (known.at(-1) !== position.offset) known.push(position.offset);
  }

  of(group: string, topic: string, partition: number): readonly number[] {
    return this.#positions.get(keyOf(group, topic, partition)) ?? [];
  }
}

export interface GroupCheck {
  readonly group: string;
  /** As the target names it. */
  readonly topic: string;
  readonly partition: number;
  readonly pairs: Pairs;
  readonly onSource: readonly number[];
  readonly onTarget: readonly number[];
  readonly found: Found;
}

/** Returns how many positions were verified. */
export function checkGroup(check: GroupCheck): number {
  const { group, topic, partition, pairs, onSource, onTarget, found } = check;
  const translations = new Set(
    onSource.map((offset) => translatedByRecords(pairs, offset)),
  );
  for (const offset of onTarget) {
    if (translations.has(offset)) continue;
    found("wrong group position", {
      topic,
      partition,
      offset,
      sentence: `the group ${group} was given this position, which translates` +
        ` none of the ${onSource.length} that it had on the source`,
    });
  }
  return onTarget.length;
}

const keyOf = (group: string, topic: string, partition: number) =>
  `${group}\n${topic}\n${partition}`;
