/**
 * Keeps records of delay topics from being taken before they are due. The first
 * one that is not ends the taking of its lane: what comes behind it would
 * overtake it, and is hardly due either.
 */
import type { RecordGate } from "../src/kafka/mod.ts";
import { headerKey } from "./headers.ts";

/** The lane must end below its next record, which may be taken at `dueMs`. */
export type OnEarly = (lane: number, dueMs: number) => void;

export class DueGate implements RecordGate {
  readonly headers = [headerKey("due")];
  readonly #topics: ReadonlySet<string>;
  readonly #onEarly: OnEarly;
  readonly #now: () => number;
  readonly #lanes = new Set<number>();

  /** @param now milliseconds since the epoch */
  constructor(
    topics: ReadonlySet<string>,
    onEarly: OnEarly,
    now: () => number = Date.now,
  ) {
    this.#topics = topics;
    this.#onEarly = onEarly;
    this.#now = now;
  }

  /** A lane begins, perhaps one that is not a delay topic's. */
  open(lane: number, topic: string): void {
    if (this.#topics.has(topic)) this.#lanes.add(lane);
    else this.#lanes.delete(lane);
  }

  close(lane: number): void {
    this.#lanes.delete(lane);
  }

  /** Whether no lane is a delay topic's. */
  get idle(): boolean {
    return this.#lanes.size === 0;
  }

  guards(lane: number): boolean {
    return this.#lanes.has(lane);
  }

  /** What has no time, or none that can be read, is due. */
  admits(lane: number, value: string | null): boolean {
    const dueMs = Number(value ?? 0);
    if (!(dueMs > this.#now())) return true;
    this.#onEarly(lane, dueMs);
    return false;
  }
}
