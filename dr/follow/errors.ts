/** What an application may want to tell apart. */

/**
 * - `unacknowledged`: the cluster was left before it had acknowledged the
 *   records; they may be there or not. Nothing was sent to the other one.
 * - `stale`: the commit was refused because of a switch, or because the group
 *   has given the partitions to another member. The records come again, there.
 * - `closed`: it was disposed of meanwhile.
 */
export type FollowErrorKind = "unacknowledged" | "stale" | "closed";

export class FollowError extends Error {
  override readonly name = "FollowError";
  readonly kind: FollowErrorKind;

  constructor(kind: FollowErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export const isStale = (error: unknown): boolean =>
  error instanceof FollowError && error.kind === "stale";
