/** What a pool is made of, and how it ends. */
import type {
  ConsumerProperties,
  Library,
  OauthToken,
  ProducerProperties,
} from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
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
  /** Names this instance in its transactional ids; stable over restarts. */
  readonly instanceId: string;
  readonly workers: number;
  readonly rates: Rates;
  readonly commitIntervalMs: number;
  readonly watchdogMs: number;
  /** Heap of a worker at which it is replaced. */
  readonly workerHeapBytes: number;
  /** Longest wait for workers to settle what was revoked. */
  readonly revokeMs: number;
  readonly log: Log;
  /** Gives tokens for SASL/OAUTHBEARER; not needed with the method `oidc`. */
  readonly oauthToken?: (config: string) => Promise<OauthToken>;
}

/** The pool could not start: the processor does not load. */
export class PoolStartError extends Error {
  override readonly name = "PoolStartError";
}
