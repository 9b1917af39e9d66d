/** The topic of `cut_records.ts`: what it says, and what is to be written. */
import type { OutputRecord } from "../../src/kafka/mod.ts";
import {
  type CutId,
  parseCutRecord,
  releasedRecord,
  stableKey,
  type StablePart,
  stableRecords,
} from "./cut_records.ts";
import type { OffsetTable } from "./types.ts";

export class CutStore {
  readonly #topic: string;
  #cuts = new Map<string, CutId>();
  /** By cut that is in the topic: its parts. */
  readonly #stable = new Map<CutId, Map<number, StablePart>>();

  constructor(topic: string) {
    this.#topic = topic;
  }

  /** Takes the topic's records in their order. */
  read(key: string | null, value: string | null): void {
    const record = parseCutRecord(key, value);
    if (record === null) return;
    if (record.kind === "released") {
      this.#cuts = new Map(record.cuts);
      return;
    }
    const { content, cut, part } = record;
    const parts = this.#stable.get(cut) ?? new Map<number, StablePart>();
    if (content === null) parts.delete(part);
    else parts.set(part, content);
    if (parts.size > 0) this.#stable.set(cut, parts);
    else this.#stable.delete(cut);
  }

  /** Those that stand at a cut. */
  get groups(): readonly string[] {
    return [...this.#cuts.keys()];
  }

  /**
   * S of the cut that a group stands at, with the target's topics and offsets;
   * null: not known, so everything is above it.
   */
  stableOf(group: string): OffsetTable | null {
    return this.#tableOf(this.#cuts.get(group) ?? "");
  }

  /** S of each cut at which a group stands; null as in `stableOf`. */
  stables(): readonly (OffsetTable | null)[] {
    return Array.from(
      new Set(this.#cuts.values()),
      (cut) => this.#tableOf(cut),
    );
  }

  #tableOf(cut: CutId): OffsetTable | null {
    const parts = this.#stable.get(cut);
    const first = parts?.values().next().value;
    if (parts === undefined || parts.size !== first?.parts) return null;
    return new Map(
      [...parts.values()].flatMap(({ stable }) => Object.entries(stable)),
    );
  }

  /**
   * What to write, in this order, once these groups' offsets are on the target:
   * S, which cut they stand at, and deletions of each S that none needs now.
   * @param known all groups that the source has; others are forgotten
   */
  release(
    cut: CutId,
    stable: OffsetTable,
    groups: readonly string[],
    known: ReadonlySet<string>,
  ): OutputRecord[] {
    if (groups.length === 0) return [];
    const isKnown = this.#stable.has(cut);
    const cuts = new Map(
      [...this.#cuts].filter(([group]) => known.has(group)),
    );
    for (const group of groups) cuts.set(group, cut);
    const needed = new Set(cuts.values());
    const unneeded = [...this.#stable].filter(([each]) => !needed.has(each));
    return [
      ...isKnown ? [] : stableRecords(cut, stable),
      releasedRecord(cuts),
      ...unneeded.flatMap(([each, parts]) =>
        [...parts.keys()].map((part) => ({
          key: stableKey(each, part),
          value: null,
        }))
      ),
    ].map((record) => ({ ...record, topic: this.#topic, partition: 0 }));
  }

  /** They have been written. */
  written(records: readonly OutputRecord[]): void {
    for (const { key, value } of records) {
      this.read(key as string, value as string | null);
    }
  }
}
