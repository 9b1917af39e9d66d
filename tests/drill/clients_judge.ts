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
  /** By partition: the offset with which it began on the secondary. */
  readonly began: readonly number[];
  /**
   * What it got on the secondary out of turn: not the record that follows in the
   * log.
   */
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
  const following = new Map<string, string>();
  const last = new Map<number, LogRecord>();
  for (const record of log) {
    const previous = last.get(record.partition);
    if (previous !== undefined) {
      following.set(placeOf(previous), placeOf(record));
    }
    last.set(record.partition, record);
  }
  const got = new Set(done.map(({ value }) => value));
  const began: number[] = [];
  const jumps: Done[] = [];
  const previous = new Map<number, Done>();
  for (const each of after) {
    const one = previous.get(each.partition);
    previous.set(each.partition, each);
    if (one === undefined) began[each.partition] = each.offset;
    else if (following.get(placeOf(one)) !== placeOf(each)) jumps.push(each);
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
