/** A record that is not in the format of its topic. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}
