/** What a pool is made of, and how it ends. */
import type {
  ConsumerProperties,
  Library,
  OauthToken,
  ProducerProperties,
} from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
import type { SpanSink } from "../telemetry/spans.ts";
import type { DoneOutputs } from "./done_outputs.ts";
import type { StreamJob } from "./protocol.ts";
import type { Rates } from "./rate_limit.ts";
import type { OffsetReset } from "./start_offsets.ts";

export interface PoolOptions {
  readonly library: Library;
  readonly consumer: ConsumerProperties;
  readonly producer: ProducerProperties;
  readonly inputTopic: string;
  readonly offsetReset: OffsetReset;
  readonly job: StreamJob;
  /**
   * Outputs that are there already, and are not sent; null: none is. Until it is
   * known the pool only opens: it does not join the group. Default: null.
   */
  readonly done?: Promise<DoneOutputs | null>;
  /** Names this instance in its transactional ids; stable over restarts. */
  readonly instanceId: string;
  readonly workers: number;
  /** Number of the first thread. Default 0. */
  readonly firstWorkerId?: number;
  readonly rates: Rates;
  readonly commitIntervalMs: number;
  readonly watchdogMs: number;
  /** Heap of a worker at which it is replaced. */
  readonly workerHeapBytes: number;
  /** Longest wait for workers to settle what was revoked. */
  readonly revokeMs: number;
  /**
   * Asked before each step of a transaction's commit; false: it is not committed
   * any more. Default: always true.
   */
  readonly mayCommit?: () => boolean;
  readonly log: Log;
  /** Takes spans, where the job traces. Default: nobody does. */
  readonly onSpans?: SpanSink;
  /** Gives tokens for SASL/OAUTHBEARER; not needed with the method `oidc`. */
  readonly oauthToken?: (config: string) => Promise<OauthToken>;
}

/** How a pool that was halted comes to its end. */
export interface Halt {
  /** From then on nothing more reaches the cluster: no record, no commit. */
  readonly fenced: Promise<void>;
  /**
   * Its clients are closed, as far as the cluster lets them be: false when
   * something is left, so that the process must be ended by force.
   */
  readonly closed: Promise<boolean>;
}

/** The pool could not start: the processor does not load. */
export class PoolStartError extends Error {
  override readonly name = "PoolStartError";
}
