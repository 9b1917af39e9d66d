/** What the pool says of itself: for the live view, `/status` and the summary. */
import type { TopicPartition } from "../kafka/mod.ts";

/** Counts of records since the start. */
export interface Totals {
  /**
   * Input records that were settled, whatever became of them in the end: one
   * that waits in a delay topic is not counted yet.
   */
  readonly consumed: number;
  /** Output records that the cluster acknowledged, dead letters excluded. */
  readonly produced: number;
  /** Input records that went to the dead-letter topic. */
  readonly deadLettered: number;
  /** Input records for which the processor returned nothing. */
  readonly skipped: number;
  /** Times that a record was sent to a delay topic. */
  readonly retried: number;
  /** Outputs that were there before the job began, and were not sent again. */
  readonly alreadyDone: number;
}

export const NO_TOTALS: Totals = {
  consumed: 0,
  produced: 0,
  deadLettered: 0,
  skipped: 0,
  retried: 0,
  alreadyDone: 0,
};

export const sumOfTotals = (one: Totals, other: Totals): Totals => ({
  consumed: one.consumed + other.consumed,
  produced: one.produced + other.produced,
  deadLettered: one.deadLettered + other.deadLettered,
  skipped: one.skipped + other.skipped,
  retried: one.retried + other.retried,
  alreadyDone: one.alreadyDone + other.alreadyDone,
});

export type WorkerState =
  | "starting"
  | "running"
  /** Its partitions are moving away; it ends when they have. */
  | "retiring"
  /** It failed and waits for its next start. */
  | "restarting"
  /** Its thread did not come back from user code; it is fenced for good. */
  | "hung";

export interface WorkerStatus {
  readonly id: number;
  readonly state: WorkerState;
  readonly partitions: readonly TopicPartition[];
  readonly totals: Totals;
  /** Records fetched and not settled. */
  readonly pendingRecords: number;
  readonly heapBytes: number;
}

/** One record as it went in and what became of it, for people to look at. */
export interface Sample {
  readonly input: string;
  /** The first output's value; null where there was none. */
  readonly output: string | null;
  /** Why it became a dead letter. */
  readonly reason?: string;
}

export type PoolPhase =
  | "starting"
  | "running"
  | "draining"
  /** Between two clusters: it works on neither. */
  | "switching"
  | "stopped"
  /** Ends as soon as the rest has drained: a thread hangs, or crashes loop. */
  | "failing";

/** Of a pool that goes where the active one of two clusters is. */
export interface Following {
  readonly active: "primary" | "secondary";
  /** Of the newest state that it has seen; 0: there is none yet. */
  readonly epoch: number;
  /** Where a switch stands; `steady`: none is under way. */
  readonly phase: string;
}

export interface PoolStatus {
  readonly phase: PoolPhase;
  /** Absent: there is one cluster. */
  readonly following?: Following;
  /** Why `phase` is "failing". */
  readonly failure?: string;
  readonly totals: Totals;
  /**
   * Records of the input topic between the committed offsets and the high
   * watermarks.
   */
  readonly lag: number | null;
  readonly workers: readonly WorkerStatus[];
  /** The newest last. */
  readonly samples: readonly Sample[];
}
