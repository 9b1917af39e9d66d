/** When and where a record that failed is tried again. Pure. */
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
  /** Of the attempt that failed. */
  readonly attempt: number;
  readonly firstFailureMs: number;
  readonly reason: string;
}
