/** A record that is not in the format of its topic. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** A list of patterns that cannot be used; the message quotes the place. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}
