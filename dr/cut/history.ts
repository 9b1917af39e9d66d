/**
 * The last checkpoint of each group and partition, as the checkpoints topic has
 * it, and how each group was last released. Pure.
 */
import type { Checkpoint } from "./types.ts";

interface Group {
  /** By topic and partition of the target. */
  readonly last: Map<string, Checkpoint>;
  /** When all was written last, changed or not; null: not by this process. */
  refreshedAtMs: number | null;
  isWhole: boolean;
}

export class CheckpointHistory {
  readonly #groups = new Map<string, Group>();

  last(
    group: string,
    topic: string,
    partition: number,
  ): Checkpoint | undefined {
    return this.#groups.get(group)?.last.get(`${topic}-${partition}`);
  }

  /** It has been read from the topic, or was written to it. */
  note(checkpoint: Checkpoint): void {
    const { group, topic, partition } = checkpoint;
    this.#group(group).last.set(`${topic}-${partition}`, checkpoint);
  }

  /** @param isWhole all that was wanted stands on the target */
  noteRelease(group: string, isWhole: boolean): void {
    this.#group(group).isWhole = isWhole;
  }

  /** All was written, also what had not changed. */
  noteRefresh(group: string, nowMs: number): void {
    this.#group(group).refreshedAtMs = nowMs;
  }

  /** Whether the last release left all on the target that was wanted. */
  isWhole(group: string): boolean {
    return this.#groups.get(group)?.isWhole ?? false;
  }

  /** Whether the group is to be written although nothing has changed. */
  isDue(group: string, nowMs: number, everyMs: number): boolean {
    const at = this.#groups.get(group)?.refreshedAtMs ?? null;
    return at === null || nowMs - at >= everyMs;
  }

  #group(group: string): Group {
    let found = this.#groups.get(group);
    if (found === undefined) {
      found = { last: new Map(), refreshedAtMs: null, isWhole: false };
      this.#groups.set(group, found);
    }
    return found;
  }
}
