/** Why the state was not changed, or could not be read. */
import type { DrState } from "./types.ts";

/**
 * - `fenced`: another has taken over in the middle. Nothing was written; read
 *   what it wrote, and decide anew.
 * - `refused`: what is known does not suffice, and `force` would be needed.
 *   Nothing was written.
 * - `failed`: a cluster does not answer, or refuses. Nothing was written.
 * - `unknown`: it may have been written, and the cluster cannot be asked: read
 *   the state before anything else is done.
 */
export type StateErrorKind = "fenced" | "refused" | "failed" | "unknown";

export class StateError extends Error {
  override readonly name = "StateError";
  readonly kind: StateErrorKind;
  /** What may have been written; null: nothing was. */
  readonly perhaps: DrState | null;

  constructor(
    kind: StateErrorKind,
    message: string,
    { perhaps = null, ...options }: ErrorOptions & {
      readonly perhaps?: DrState | null;
    } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.perhaps = perhaps;
  }
}

/** Whatever was thrown, as an error. */
export const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
