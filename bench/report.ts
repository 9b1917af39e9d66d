/** Tables for people, and where they are kept. */
import { median } from "./figures.ts";
import type { LatencyRun } from "./latency.ts";
import type { Machine } from "./machine.ts";
import type { System } from "./systems.ts";
import type { Run } from "./throughput.ts";

export interface Context {
  readonly command: string;
  readonly date: string;
  readonly machine: Machine;
}

interface Row {
  readonly system: System;
  readonly runs: readonly Run[];
  readonly rate: number;
}

export function throughputTable(
  systems: readonly System[],
  runs: readonly Run[],
  context: Context,
): string {
  const rows: Row[] = systems.map((system) => {
    const own = runs.filter((run) => run.system === system.name);
    return { system, runs: own, rate: median(own.map((r) => r.steadyRate)) };
  });
  const streams = rows.find(({ system }) => system.name === "kafka-streams");
  const best = bestPeer(rows);
  const header = [
    ...["system", "msg/s", "each run", "total s", "cpu s", "peak MB"],
    ...["x Kafka Streams", "x best JavaScript peer", "outputs"],
  ];
  const lines = rows.map(({ system, runs, rate }) => [
    system.label,
    thousands(rate),
    runs.map((run) => thousands(run.steadyRate)).join(", "),
    fixed(median(runs.map((run) => run.totalSeconds)), 1),
    fixed(median(runs.map((run) => run.cpuSeconds)), 1),
    fixed(Math.max(...runs.map((run) => run.peakMb)), 0),
    fixed(rate / (streams?.rate ?? NaN), 2),
    fixed(rate / (best?.rate ?? NaN), 2),
    verdict(runs),
  ]);
  return `${table(header, lines)}\n\n${origin(context)}`;
}

export function latencyTable(
  systems: readonly { readonly name: string; readonly label: string }[],
  runs: readonly LatencyRun[],
  context: Context,
): string {
  const header = ["rate", "system", "p50 ms", "p99 ms", "p99.9 ms", "max ms"];
  const lines = runs.map((run) => {
    const system = systems.find(({ name }) => name === run.system);
    const rate = `${thousands(run.rate)}/s${run.isHalf ? " (half)" : ""}`;
    const label = system?.label ?? "none: the load's own floor";
    if (run.p50Ms === undefined) return [rate, label, run.problem ?? ""];
    return [
      rate,
      run.problem === null ? label : `${label} (${run.problem})`,
      ...[run.p50Ms, run.p99Ms, run.p999Ms, run.maxMs]
        .map((ms) => fixed(ms ?? NaN, 1)),
    ];
  });
  return `${table(header, lines)}\n\n${origin(context)}`;
}

/**
 * Puts `content` between the markers of `section`; all else stays.
 * @throws {Error} when the text lacks the markers.
 */
export function replaceSection(
  text: string,
  section: string,
  content: string,
): string {
  const begin = `<!-- ${section}: written by the bench -->`;
  const end = `<!-- end of ${section} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`no markers of ${section}`);
  const before = text.slice(0, from + begin.length);
  return `${before}\n\n${content}\n\n${text.slice(to)}`;
}

function bestPeer(rows: readonly Row[]): Row | undefined {
  return rows
    .filter(({ system, rate }) => system.family === "javascript" && rate > 0)
    .reduce<Row | undefined>(
      (best, row) => best === undefined || row.rate > best.rate ? row : best,
      undefined,
    );
}

export function verdict(
  runs: readonly { readonly problems: readonly string[] }[],
): string {
  const problems = [...new Set(runs.flatMap(({ problems }) => problems))];
  // Only the first line: a failed program may have said much.
  return problems.map((each) => each.split("\n")[0]).join("; ") || "all right";
}

export function origin({ command, date, machine }: Context): string {
  const node = machine.node === null ? "" : `, Node ${machine.node}`;
  return `${date}: ${machine.cpu}, ${machine.cores} cores, ` +
    `${machine.memoryGb} GB, ${machine.os}; Apache Kafka 4.3.1, ` +
    `Java ${machine.java}${node}, Deno ${machine.deno}; ` +
    `load before the start ${fixed(machine.load, 1)}; \`${command}\`.`;
}

/** Padded as `deno fmt` does. */
export function table(
  header: readonly string[],
  lines: readonly (readonly string[])[],
): string {
  const rows = [header, ...lines];
  const widths = header.map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      widths.map((width, column) => (cells[column] ?? "").padEnd(width))
        .join(" | ")
    } |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(header), rule, ...lines.map(line)].join("\n");
}

export function thousands(value: number): string {
  return Number.isFinite(value)
    ? Math.round(value).toLocaleString("en-US")
    : "-";
}

export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}
