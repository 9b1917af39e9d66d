/** What a failover did to a client, from what it did and the secondary's log. */
import type { Done } from "../support/followed_clients.ts";

/** A record of the secondary's log. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

export interface Consumed {
  /** Values in the secondary's log that it never got, on neither cluster. */
  readonly missing: readonly string[];
  /**
   * By partition: the offset with which it began on the secondary for good. It
   * may get some there before it has joined its group anew, by the offsets that
   * it had on the primary, and begins at its position then.
   */
  readonly began: readonly number[];
  /** What it got on the secondary when it had not yet got what lies before it. */
  readonly jumps: readonly Done[];
  /** How many it got on both clusters. */
  readonly repeated: number;
  /** When it had got the oldest of these, in ms since the epoch. */
  readonly oldestRepeatedMs: number | null;
}

const placeOf = ({ partition, offset }: LogRecord) => `${partition}-${offset}`;

/** What a client got, or was acknowledged, at places where the log has it. */
export function onSecondary(
  done: readonly Done[],
  log: readonly LogRecord[],
  movedMs: number,
): Done[] {
  const values = new Map(log.map((each) => [placeOf(each), each.value]));
  return done.filter((each) =>
    each.atMs >= movedMs && values.get(placeOf(each)) === each.value
  );
}

/**
 * @param movedMs it cannot have got anything of the secondary before. What it
 * had fetched of the primary it may hand out later, when it was busy.
 */
export function judgeConsumer(
  done: readonly Done[],
  log: readonly LogRecord[],
  movedMs: number,
): Consumed {
  const after = onSecondary(done, log, movedMs);
  const there = new Set(after);
  const before = new Map<string, number>();
  for (const each of done) {
    if (there.has(each) || before.has(each.value)) continue;
    before.set(each.value, each.atMs);
  }
  const places = Map.groupBy(log, ({ partition }) => partition);
  const got = new Set<string>();
  const began: number[] = [];
  const jumps: Done[] = [];
  const previous = new Map<number, Done>();
  for (const each of done) {
    if (there.has(each)) {
      const from = previous.get(each.partition)?.offset ?? Infinity;
      previous.set(each.partition, each);
      const between = places.get(each.partition)!.filter(({ offset }) =>
        offset > from && offset < each.offset
      );
      if (each.offset <= from || between.length > 0) {
        began[each.partition] = each.offset;
      }
      if (between.some(({ value }) => !got.has(value))) jumps.push(each);
    }
    got.add(each.value);
  }
  const repeated = new Set(
    after.map(({ value }) => value).filter((value) => before.has(value)),
  );
  const times = [...repeated].map((value) => before.get(value)!);
  return {
    missing: log.map(({ value }) => value).filter((value) => !got.has(value)),
    began,
    jumps,
    repeated: repeated.size,
    oldestRepeatedMs: times.length === 0 ? null : Math.min(...times),
  };
}
