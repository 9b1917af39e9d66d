/** When and where a record that failed is tried again. Pure. */
import type { Failure } from "./failures.ts";

export interface RetryPolicy {
  /** Attempts at a record, the first one included. */
  readonly attempts: number;
  /** Before the second attempt; doubled for each further one, with jitter. */
  readonly backoffMs: number;
  /** The longest wait without leaving the partition's order. */
  readonly inPlaceMs: number;
  /** Delays of the delay topics, ascending; empty: there are none. */
  readonly delaysMs: readonly number[];
}

export type RetryDecision =
  | { readonly kind: "inPlace"; readonly delayMs: number }
  /** Through the delay topic of this delay. */
  | { readonly kind: "later"; readonly delayMs: number }
  | { readonly kind: "deadLetter" };

/** A record on its way to a delay topic. */
export interface Postponement {
  readonly delayMs: number;
  readonly failure: Failure;
  readonly reason: string;
}

/**
 * What becomes of a record when its `attempt` (1 is the first) has failed.
 * @param wantedDelayMs the processor's wish, taken as it is; null: the backoff,
 * of which the half is certain and the rest a matter of chance, so that what
 * failed together does not come again together.
 * @param random a number from 0 to 1, exclusive
 */
export function decideRetry(
  policy: RetryPolicy,
  attempt: number,
  wantedDelayMs: number | null,
  random: () => number,
): RetryDecision {
  if (attempt >= policy.attempts) return { kind: "deadLetter" };
  const delayMs = wantedDelayMs ?? backoff(policy.backoffMs, attempt, random);
  if (delayMs <= policy.inPlaceMs) return { kind: "inPlace", delayMs };
  const longest = policy.delaysMs.at(-1);
  if (longest === undefined) {
    return { kind: "inPlace", delayMs: policy.inPlaceMs };
  }
  const fitting = policy.delaysMs.find((each) => each >= delayMs);
  return { kind: "later", delayMs: fitting ?? longest };
}

/** More would be years; and 0 times infinity is no number. */
const MOST_DOUBLINGS = 40;

/** Equal jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
function backoff(firstMs: number, attempt: number, random: () => number) {
  const wholeMs = firstMs * 2 ** Math.min(attempt - 1, MOST_DOUBLINGS);
  return wholeMs / 2 + random() * wholeMs / 2;
}
