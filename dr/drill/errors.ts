/** The drill itself did not come to its end; nothing was judged. */
export class DrillError extends Error {
  override readonly name = "DrillError";
}
