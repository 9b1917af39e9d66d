/** How much has been mirrored; plain data. */

export interface Mirrored {
  readonly records: number;
  /** Keys and values. */
  readonly bytes: number;
  /** The newest timestamp, in ms since the epoch; -1: none. */
  readonly newestMs: number;
}

export const NOTHING_MIRRORED: Mirrored = {
  records: 0,
  bytes: 0,
  newestMs: -1,
};

export const added = (one: Mirrored, other: Mirrored): Mirrored => ({
  records: one.records + other.records,
  bytes: one.bytes + other.bytes,
  newestMs: Math.max(one.newestMs, other.newestMs),
});
