/** Durations as people write them: `30s`, `5m`, `1h`, `250ms`. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** @returns milliseconds, or null where the text is no duration above 0. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  if (match === null) return null;
  const ms = Number(match[1]) * UNIT_MS[match[2]!]!;
  return ms > 0 ? ms : null;
}

/** As short as it goes: `90s`, `1m`, `24h`. @param ms whole milliseconds */
export function formatDuration(ms: number): string {
  const [unit, unitMs] = Object.entries(UNIT_MS)
    .findLast(([, unitMs]) => ms % unitMs === 0) ?? ["ms", 1];
  return `${ms / unitMs}${unit}`;
}
