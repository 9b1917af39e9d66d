/** Why a failover was not begun, or did not come to its end. */

/**
 * - `refused`: it is not for this command to do; nothing was changed.
 * - `failed`: a step was not carried out; running it again goes on there.
 */
export type FailoverErrorKind = "refused" | "failed";

export class FailoverError extends Error {
  override readonly name = "FailoverError";
  readonly kind: FailoverErrorKind;

  /** @param message with what is to be done about it. */
  constructor(
    kind: FailoverErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.kind = kind;
  }
}
