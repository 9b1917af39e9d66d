/** What is handled one after another: a line of records. */
import type { Batch } from "../src/kafka/mod.ts";
import type { Ordering } from "../src/pool/protocol.ts";
import type { Failure } from "./failures.ts";
import { Queue } from "./queue.ts";
import type { Ticket } from "./settlement.ts";

/** Null: the record stands in no line. */
export type LineId = number | string | null;

/** A record that is to be handled. */
export interface Task {
  readonly ticket: Ticket;
  readonly index: number;
  /** What is known of earlier attempts. */
  readonly past: Failure | null;
}

/** A record under way, and those that wait behind it. */
export class Line {
  readonly id: LineId;
  readonly #waiting = new Queue<Task>();
  #again: Task | undefined;

  constructor(id: LineId) {
    this.id = id;
  }

  push(task: Task): void {
    this.#waiting.push(task);
  }

  /** Puts the record that was under way in front again. */
  again(task: Task): void {
    this.#again = task;
  }

  shift(): Task | undefined {
    const next = this.#again ?? this.#waiting.shift();
    this.#again = undefined;
    return next;
  }
}

export function lineOf(
  ordering: Ordering,
  batch: Batch,
  index: number,
): LineId {
  switch (ordering) {
    case "partition":
      return batch.lanes[index]!;
    case "key": {
      const key = batch.keyIdentity(index);
      // Partitions go on without one another, also where they share a key.
      return key === null ? null : `${batch.lanes[index]}:${key}`;
    }
    case "none":
      return null;
    default:
      return ordering satisfies never;
  }
}
