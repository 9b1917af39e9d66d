/**
 * Records of `heartbeats`: what carries them shows that a mirror works, and
 * by their age how far it lags.
 *
 *     key    source alias STRING, target alias STRING
 *     value  version INT16 = 0, timestamp INT64
 */
import { type Entry, FieldReader, FieldWriter } from "./fields.ts";

export interface Heartbeat {
  /** Aliases of clusters. */
  readonly source: string;
  readonly target: string;
  /** When it was sent; milliseconds since 1970. */
  readonly timestampMs: number;
}

/** @throws {RangeError} for a time or an alias that cannot be */
export function encodeHeartbeat(heartbeat: Heartbeat): Entry {
  const { source, target, timestampMs } = heartbeat;
  return {
    key: new FieldWriter().string(source).string(target).done(),
    value: new FieldWriter().int16(0).int64(timestampMs).done(),
  };
}

/**
 * What follows the known fields is passed over, as Java does.
 * @returns null for a record without a value
 * @throws {FormatError}
 */
export function decodeHeartbeat(
  key: Uint8Array | null,
  value: Uint8Array | null,
): Heartbeat | null {
  const keys = new FieldReader(key, "the key of a heartbeat");
  const source = keys.string("source alias");
  const target = keys.string("target alias");
  if (value === null) return null;
  const values = new FieldReader(value, "a heartbeat");
  values.version();
  return { source, target, timestampMs: values.int64("time") };
}
