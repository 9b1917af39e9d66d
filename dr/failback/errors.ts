/** Why a failback was not begun, or did not come to its end. */

/**
 * - `refused`: it cannot be done as things are; nothing was changed.
 * - `failed`: a step was not carried out; running it again goes on there.
 */
export type FailbackErrorKind = "refused" | "failed";

export class FailbackError extends Error {
  override readonly name = "FailbackError";
  readonly kind: FailbackErrorKind;

  /** @param message with what is to be done about it. */
  constructor(
    kind: FailbackErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.kind = kind;
  }
}

export const failed = (message: string): FailbackError =>
  new FailbackError("failed", message);
