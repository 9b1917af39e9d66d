/** A record of a lane's log that says nothing. */
export class LaneRecordError extends Error {
  override readonly name = "LaneRecordError";
  /**
   * `version`: a newer Switchyard wrote it, so this one must not go on;
   * `truncated`: it ends too early; `malformed`: it is something else.
   */
  readonly reason: "version" | "truncated" | "malformed";

  constructor(reason: LaneRecordError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}
