/** How much has been mirrored; plain data. */

export interface Mirrored {
  readonly records: number;
  /** Keys and values. */
  readonly bytes: number;
}

export const NOTHING_MIRRORED: Mirrored = { records: 0, bytes: 0 };

export const added = (one: Mirrored, other: Mirrored): Mirrored => ({
  records: one.records + other.records,
  bytes: one.bytes + other.bytes,
});
