/** What a check is told. */
import type { Ordering } from "./order.ts";
import type { Example, Id } from "./report.ts";

export interface CheckOptions {
  /** Default at-least-once: repeated deliveries are counted and no anomaly. */
  readonly guarantee?: "at-least-once" | "exactly-once";
  /** Default partition. */
  readonly ordering?: Ordering;
  /** Whether the job has had its time to do all inputs. Default true. */
  readonly final?: boolean;
  /** How many outputs an input demands, 0 to 32. Default 1 for each. */
  readonly outputsOf?: (id: Id) => number;
  /** How many examples of each anomaly the report has. Default 5. */
  readonly examples?: number;
}

export type Role = "input" | "output" | "dead letter" | "retry";

/** A record as far as it matters. */
export interface Seen {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Null where it says none. */
  readonly id: Id | null;
  readonly key: string | null;
  /** 32 bits of hash over all of it. */
  readonly fingerprint: number;
  /** Which output of its input it is, from 0. Default: the next one. */
  readonly ordinal?: number | undefined;
  /** Why it is corrupt. */
  readonly problem?: string | undefined;
}

export interface Committed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

export interface LogBounds {
  readonly topic: string;
  readonly partition: number;
  /** Of the oldest record that is still there. */
  readonly low: number;
  /** That the next record will get. */
  readonly high: number;
}

/** What an example shows of a record. */
export type Shown = Omit<Example, "sentence">;

export function exampleOf(shown: Shown, sentence: string): Example {
  const { topic, partition, offset, id, key } = shown;
  return { topic, partition, offset, id, key, sentence };
}
