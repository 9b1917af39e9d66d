/** A batch under way. */
import type { Batch } from "../src/kafka/mod.ts";
import type { BatchTrace } from "./batch_trace.ts";
import type { Failure } from "./failures.ts";
import type { Postponement } from "./retry.ts";

/** Why an input became a dead letter. */
export interface Rejection {
  readonly reason: string;
  /** Whether the dead letter holds the value. */
  readonly complete: boolean;
  /** The attempts that were made, where the handlers know them. */
  readonly failure?: Failure | undefined;
  /** Which of the input's outputs it is, once that is known. */
  readonly ordinal?: number | undefined;
}

/** The records of one batch until the last of them is done. */
export interface Ticket {
  readonly batch: Batch;
  /** A small number, unique among open tickets. */
  readonly slot: number;
  /** By index: what is still to come, the handler's end and each report. */
  readonly open: Int32Array;
  /** Records that are not done. */
  remaining: number;
  /** Records whose handlers have not ended; mirrors do not count them. */
  unhandled: number;
  /** When it was opened, or its last handler ended; see `BatchTimes`. */
  sinceMs: number;
  /** By index: that of the next output; absent while nothing is numbered. */
  ordinals?: Uint32Array;
  /** By index; absent while there are none. */
  rejections?: Map<number, Rejection>;
  /** By index: what goes to a delay topic; absent while there is none. */
  postponements?: Map<number, Postponement>;
  /** Null: nothing of it is traced. */
  trace: BatchTrace | null;
}
