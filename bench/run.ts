/** `deno task bench`: see README.md beside this file. */
import { median } from "./figures.ts";
import { install } from "./install.ts";
import { measureLatency } from "./latency.ts";
import { mirrorBench } from "./mirror/command.ts";
import { type Options, parseOptions, USAGE, UsageError } from "./options.ts";
import { readmeFile, resultsFolder } from "./paths.ts";
import { latencyTable, replaceSection, throughputTable } from "./report.ts";
import { describe, keep, print } from "./results.ts";
import { say } from "./shell.ts";
import { latencySystems, select, throughputSystems } from "./systems.ts";
import { Collector } from "./telemetry.ts";
import { measureThroughput, type Run } from "./throughput.ts";

/** Shorter runs measure how a program starts: they are not kept. */
const KEPT_MESSAGES = 1_000_000;
const KEPT_SECONDS = 30;

/** @returns the exit status: 1 when a system failed or made wrong outputs. */
async function throughput(
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const { ours, messages } = options;
  await using collector = new Collector();
  const systems = select(
    throughputSystems(ours, messages, collector.url),
    options.systems,
  );
  await install(systems, ours);
  const context = await describe();
  const runs = await measureThroughput(systems, options, signal);
  await keep("throughput", { ...context, options, runs });
  const table = throughputTable(systems, runs, context);
  const isRight = runs.every(({ problems }) => problems.length === 0);
  const isUsual = options.systems === null && !options.isTraced;
  await publish(
    "throughput",
    table,
    isRight && isUsual && messages >= KEPT_MESSAGES,
  );
  return isRight ? 0 : 1;
}

async function latency(
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const { ours, rates } = options;
  const systems = select(latencySystems(ours), options.systems);
  const steadyRates = rates.includes("half") ? await lastRates() : new Map();
  await install(systems, ours);
  const context = await describe();
  const runs = await measureLatency(systems, options, steadyRates, signal);
  await keep("latency", { ...context, options, runs });
  const table = latencyTable(systems, runs, context);
  const isRight = runs.every(({ problem }) => problem === null);
  await publish("latency", table, isRight && options.seconds >= KEPT_SECONDS);
  return isRight ? 0 : 1;
}

/** Steady rates of the last throughput run, by the name of the system. */
async function lastRates(): Promise<ReadonlyMap<string, number>> {
  const file = `${resultsFolder}/throughput.json`;
  let runs: readonly Run[];
  try {
    ({ runs } = JSON.parse(await Deno.readTextFile(file)));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError("half of what? Run the throughput bench first");
  }
  const bySystem = Map.groupBy(runs, ({ system }) => system);
  return new Map(
    [...bySystem].map((
      [system, own],
    ) => [system, median(own.map(({ steadyRate }) => steadyRate))]),
  );
}

async function publish(
  section: string,
  table: string,
  isKept: boolean,
): Promise<void> {
  print(table);
  if (!isKept) {
    say(
      "not kept in bench/README.md: too short, not the usual systems, or not " +
        "all is right",
    );
    return;
  }
  const text = await Deno.readTextFile(readmeFile);
  await Deno.writeTextFile(readmeFile, replaceSection(text, section, table));
}

async function main(
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  try {
    if (args.includes("--help")) {
      print(USAGE);
      return 0;
    }
    const options = parseOptions(args);
    if (Deno.build.os !== "linux") {
      throw new UsageError("the bench reads Linux' /proc and runs only there");
    }
    await Deno.mkdir(resultsFolder, { recursive: true });
    if (options.isMirror) return await mirrorBench(options, signal);
    const measure = options.mode === "latency" ? latency : throughput;
    return await measure(options, signal);
  } catch (error) {
    if (signal.aborted) {
      say("interrupted");
      return 1;
    }
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message}; see --help`);
    return 2;
  }
}

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(name, () => interrupted.abort());
}
Deno.exit(await main(Deno.args, interrupted.signal));
