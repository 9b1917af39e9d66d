/** Tables of the mirror's bench, for people. */
import { median } from "../figures.ts";
import {
  type Context,
  fixed,
  origin,
  table,
  thousands,
  verdict,
} from "../report.ts";
import type { MirrorSystem } from "./system.ts";
import type { MirrorRun } from "./throughput.ts";

interface Row {
  readonly system: MirrorSystem;
  readonly roundTripMs: number | null;
  readonly runs: readonly MirrorRun[];
  readonly rate: number;
  readonly peakMb: number;
}

export function mirrorTable(
  systems: readonly MirrorSystem[],
  runs: readonly MirrorRun[],
  context: Context,
): string {
  const distances = [...new Set(runs.map(({ roundTripMs }) => roundTripMs))]
    .sort((a, b) => (a ?? 0) - (b ?? 0));
  const rows = systems.flatMap((system) =>
    distances.map((roundTripMs) => row(system, roundTripMs, runs))
  );
  const isFar = distances.length > 1;
  const header = [
    "system",
    ...(isFar ? ["round trip ms", "of its rate at 0 ms"] : []),
    ...["msg/s", "each run", "total s", "cpu s", "peak MB"],
    ...["x best MirrorMaker 2", "of its memory", "copies"],
  ];
  const lines = rows.map((each) => {
    const { system, roundTripMs, rate, peakMb } = each;
    const near = rows.find((row) =>
      row.system === system && row.roundTripMs === distances[0]
    );
    const reference = bestMirrorMaker(rows, roundTripMs);
    return [
      system.label,
      ...(isFar
        ? [String(roundTripMs), share(rate / (near?.rate ?? NaN))]
        : []),
      thousands(rate),
      each.runs.map((run) => thousands(run.steadyRate)).join(", "),
      fixed(median(each.runs.map((run) => run.totalSeconds)), 1),
      fixed(median(each.runs.map((run) => run.cpuSeconds)), 1),
      fixed(peakMb, 0),
      fixed(rate / (reference?.rate ?? NaN), 2),
      fixed(peakMb / (reference?.peakMb ?? NaN), 2),
      verdict(each.runs),
    ];
  });
  return `${table(header, lines)}\n\n${origin(context)}`;
}

function row(
  system: MirrorSystem,
  roundTripMs: number | null,
  runs: readonly MirrorRun[],
): Row {
  const own = runs.filter((run) =>
    run.system === system.name && run.roundTripMs === roundTripMs
  );
  return {
    system,
    roundTripMs,
    runs: own,
    rate: median(own.map((run) => run.steadyRate)),
    peakMb: Math.max(...own.map((run) => run.peakMb)),
  };
}

/** Whichever of its tunings was the fastest at this distance. */
function bestMirrorMaker(
  rows: readonly Row[],
  roundTripMs: number | null,
): Row | undefined {
  return rows
    .filter((row) => row.system.family === "mirror-maker")
    .filter((row) => row.roundTripMs === roundTripMs && row.rate > 0)
    .toSorted((one, other) => other.rate - one.rate)[0];
}

function share(value: number): string {
  return Number.isFinite(value) ? `${fixed(100 * value, 0)} %` : "-";
}
