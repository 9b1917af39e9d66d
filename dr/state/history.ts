/**
 * Each change of the state, for people: the state's own topic forgets. What whoever
 * is at a switch writes again and again (`Claim`) counts once.
 */
import { HISTORY_TOPIC } from "../formats/mod.ts";
import type { StateClusters } from "./cluster.ts";
import { decodeState } from "./codec.ts";
import type { Unreadable } from "./copies.ts";
import { type LogRange, logRange, readRange } from "./read_log.ts";
import type { DrState } from "./types.ts";

export interface History {
  /** Oldest first. */
  readonly changes: readonly DrState[];
  /** Records among them that are no states. */
  readonly unreadable: readonly Unreadable[];
}

/** A change takes two offsets: the record, and the mark that it is committed. */
const OFFSETS_A_CHANGE = 2;
/** For changes that were aborted. */
const SPARE_OFFSETS = 20;

/**
 * @throws {KafkaError | ReadError} where the secondary does not answer; the
 * signal's reason.
 */
export async function readHistory(
  clusters: StateClusters,
  limit: number,
  signal: AbortSignal,
): Promise<History> {
  const { secondary } = clusters.clusters;
  const whole = await logRange(secondary, HISTORY_TOPIC, "stable", signal);
  for (let span = limit * OFFSETS_A_CHANGE + SPARE_OFFSETS;; span *= 4) {
    const start = Math.max(whole.start, whole.end - span);
    const part = await readPart(clusters, { ...whole, start }, signal);
    if (part.changes.length >= limit || start === whole.start) {
      return { ...part, changes: part.changes.slice(-limit) };
    }
  }
}

async function readPart(
  { clusters: { secondary }, library }: StateClusters,
  range: LogRange,
  signal: AbortSignal,
): Promise<History> {
  const changes: DrState[] = [];
  const unreadable: Unreadable[] = [];
  const records = readRange(library, secondary, HISTORY_TOPIC, range, signal);
  for await (const { key, offset, value } of records) {
    const decoded = decodeState(key, value);
    if (decoded.kind === "value") {
      if (!isRenewed(changes.at(-1), decoded.value)) {
        changes.push(decoded.value);
      }
    } else {
      const { epoch, reason } = decoded;
      unreadable.push({ offset, epoch, reason });
    }
  }
  return { changes, unreadable };
}

const isRenewed = (one: DrState | undefined, other: DrState): boolean =>
  one !== undefined && one.active === other.active &&
  one.phase === other.phase && one.era === other.era &&
  one.lanes === other.lanes && one.reason === other.reason;
