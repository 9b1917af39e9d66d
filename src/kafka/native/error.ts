/**
 * The native library cannot be built, found or used. The message is written
 * for the user, says what to do, and is all that has to be shown.
 */
export class NativeError extends Error {
  override readonly name = "NativeError";
}
