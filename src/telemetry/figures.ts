/** Figures as people read them. */
import type { TopicPartition } from "../kafka/mod.ts";

/** `1,234,567`; one digit after the point below 10, if there is any. */
export function count(value: number): string {
  const digits = value > 0 && value < 9.95 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** `0.4 %`, `12 %`, `<0.1 %` */
export function share(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const percent = part * 100 / whole;
  if (percent < 0.1) return "<0.1 %";
  return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

export function megabytes(bytes: number): string {
  return `${count(Math.round(bytes / 2 ** 20))} MB`;
}

/** `7s`, `1m 07s`, `2h 01m` */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const two = (value: number) => String(value).padStart(2, "0");
  if (minutes === 0) return `${seconds}s`;
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** `0-3, 7` of one topic; `a 0-3, 7; b 1` of several. */
export function partitionRanges(partitions: readonly TopicPartition[]): string {
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  const texts = [...topics].map(([topic, each]) => {
    const numbers = ranges(each.map(({ partition }) => partition));
    return topics.size === 1 ? numbers : `${topic} ${numbers}`;
  });
  return texts.toSorted().join("; ");
}

function ranges(numbers: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const number of numbers.toSorted((one, other) => one - other)) {
    const run = runs.at(-1);
    if (run?.last === number - 1) run.last = number;
    else runs.push({ first: number, last: number });
  }
  return runs.map(({ first, last }) =>
    first === last ? `${first}` : `${first}-${last}`
  ).join(", ");
}

const EIGHTHS = " ▏▎▍▌▋▊▉";

/** A bar of at most `cells`, in steps of an eighth; something is never nothing. */
export function bar(value: number, most: number, cells: number): string {
  if (most <= 0 || value <= 0) return " ".repeat(cells);
  const eighths = Math.max(
    1,
    Math.round(Math.min(1, value / most) * cells * 8),
  );
  const rest = eighths % 8;
  return ("█".repeat(eighths / 8) + (rest === 0 ? "" : EIGHTHS[rest]))
    .padEnd(cells);
}

const HEIGHTS = "▁▂▃▄▅▆▇█";

/** The newest `cells` values, the highest one at full height. */
export function sparkline(values: readonly number[], cells: number): string {
  const shown = cells > 0 ? values.slice(-cells) : [];
  const most = Math.max(...shown, 0);
  return shown.map((value) =>
    HEIGHTS[most > 0 ? Math.round(value / most * 7) : 0]
  ).join("");
}
