/** Which upstream offsets may still have to be translated. Pure. */

/**
 * The lowest one, of one source partition; 0: any.
 *
 *     0 ........... lowest ....... log start ................ position
 *       forgotten   a group may come there    may be fetched
 *
 * What the source has no more nobody can read there, so a group stands below it
 * only if it has not been heard of for long. Its position is still good for the
 * target, where what it has to read may still be: so where positions of groups
 * are known, the lowest counts too.
 *
 * They are known to whoever leads, and to the lanes of its process alone. A lane
 * elsewhere goes by the log's start. A group that stands below that is then told
 * no more than a lower bound (`below-known`): if it was released before, it stays
 * where it was on the target (`planRelease` takes no lower bound that goes back),
 * else it gets that bound, 0.
 *
 * @param logStart the first offset that the source has; null: not known.
 * @param lowest of the positions of groups; null: not known.
 */
export function neededFrom(
  logStart: number | null,
  lowest: number | null,
): number {
  return logStart === null ? 0 : Math.min(logStart, lowest ?? logStart);
}
