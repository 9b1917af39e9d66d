/** What is asked of a cluster again and again, and what comes of it. */
import { ErrorCode, isClientRefused, KafkaError } from "../../src/kafka/mod.ts";

/**
 * - `brokers`: every broker that metadata named is connected to;
 * - `metadata`: the cluster says which brokers it has;
 * - `partitions`: leaders and in-sync replicas of the watched topics;
 * - `round-trip`: a record is written, and read again.
 */
export const PROBE_NAMES = [
  "brokers",
  "metadata",
  "partitions",
  "round-trip",
] as const;
export type ProbeName = typeof PROBE_NAMES[number];

export type ProbeOutcome =
  /** `remark`: what is not as it should be, and does not stop anybody's work. */
  | { readonly kind: "passed"; readonly remark: string | null }
  | { readonly kind: "failed"; readonly why: string }
  /** It says nothing of the cluster's health: we may not ask, for example. */
  | { readonly kind: "inconclusive"; readonly why: string };

/** When an attempt began and ended, in ms of the prober's clock. */
export type ProbeResult = ProbeOutcome & {
  readonly begunMs: number;
  readonly endedMs: number;
};

export const PASSED: ProbeOutcome = { kind: "passed", remark: null };

/** Clients of one kind of question. One that has failed is not asked again. */
export interface ProbeSession extends AsyncDisposable {
  /**
   * What its clients told beside answers: a request only times out where, for
   * example, the password is wrong. Null: nothing since it last passed.
   */
  readonly lastError: KafkaError | null;
  /**
   * One attempt.
   * @throws {KafkaError} see `outcomeOf`; the signal's reason.
   */
  ask(signal: AbortSignal): Promise<ProbeOutcome>;
}

/**
 * A login or a right that the cluster refuses tells of us, not of its health:
 * after a password was changed all sentinels would call a sound cluster down.
 */
export const isRefusal = (error: KafkaError): boolean =>
  isClientRefused(error.code) || error.code === ErrorCode.ssl;

/** What an error says of the cluster. @throws whatever no cluster has caused. */
export function outcomeOf(error: unknown): ProbeOutcome {
  if (!(error instanceof KafkaError)) throw error;
  return {
    kind: isRefusal(error) ? "inconclusive" : "failed",
    why: error.message,
  };
}
