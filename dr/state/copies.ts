/** The copies of the state, one on each cluster, and what they say together. */
import type { Library } from "../../src/kafka/mod.ts";
import { STATE_TOPIC } from "../formats/mod.ts";
import type { StateCluster } from "./cluster.ts";
import { decodeState } from "./codec.ts";
import { withDeadline } from "./deadline.ts";
import { asError } from "./errors.ts";
import {
  type LogEnd,
  type LogRange,
  logRange,
  readRange,
  type TopicRecord,
} from "./read_log.ts";
import type { ClusterName, DrState } from "./types.ts";

/** A record that is no state. */
export interface Unreadable {
  readonly offset: number;
  readonly reason: string;
  /** Null: not even that can be read. */
  readonly epoch: number | null;
}

/** What a copy says. */
export interface StateLog {
  /** The highest epoch; null: there is none. */
  readonly newest: DrState | null;
  /** Of `newest`. */
  readonly offset: number | null;
  readonly unreadable: readonly Unreadable[];
}

export type Copy = StateLog & { readonly kind: "read" } | {
  readonly kind: "failed";
  readonly error: Error;
};

export interface Copies extends Readonly<Record<ClusterName, Copy>> {
  /** The highest epoch of what could be read; null: there is none. */
  readonly newest: DrState | null;
}

export const EMPTY_LOG: StateLog = {
  newest: null,
  offset: null,
  unreadable: [],
};

/** The log with one more record. Pure. */
export function withRecord(log: StateLog, record: TopicRecord): StateLog {
  const { offset } = record;
  const decoded = decodeState(record.key, record.value);
  switch (decoded.kind) {
    case "unreadable": {
      const { epoch, reason } = decoded;
      const unreadable = [...log.unreadable, { offset, reason, epoch }];
      return { ...log, unreadable };
    }
    case "value": {
      const state = decoded.value;
      // The primary's copy may have an older one behind a newer one.
      return newerOf(log.newest, state) === state
        ? { ...log, newest: state, offset }
        : log;
    }
  }
}

/** The one with the higher epoch, and the first of two equal ones. */
export function newerOf<T extends DrState | null>(one: T, other: T): T {
  if (one === null) return other;
  return other !== null && other.epoch > one.epoch ? other : one;
}

/**
 * What came behind the newest state and is none: whoever wrote it, for example
 * a newer version, knows more than we do.
 */
export function hiddenIn({ newest, offset, unreadable }: StateLog) {
  return unreadable.filter((each) =>
    offset === null || each.offset > offset ||
    (each.epoch ?? 0) > newest!.epoch
  );
}

export interface ReadStateOptions {
  readonly library: Library;
  readonly cluster: StateCluster;
  readonly upTo: LogEnd;
}

/** @throws as `logRange` and `readRange`. */
export async function readStateLog(
  { cluster, library, upTo }: ReadStateOptions,
  signal: AbortSignal,
): Promise<StateLog & { readonly range: LogRange }> {
  const range = await logRange(cluster, STATE_TOPIC, upTo, signal);
  let log = EMPTY_LOG;
  const records = readRange(library, cluster, STATE_TOPIC, range, signal);
  for await (const record of records) log = withRecord(log, record);
  return { ...log, range };
}

/** @throws only the signal's reason. */
export async function readCopy(
  options: ReadStateOptions,
  name: ClusterName,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Copy> {
  try {
    const { newest, offset, unreadable } = await withDeadline(
      timeoutMs,
      `read the state of the ${name}`,
      signal,
      (limited) => readStateLog(options, limited),
    );
    return { kind: "read", newest, offset, unreadable };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", error: asError(error) };
  }
}
