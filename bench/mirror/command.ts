/** `deno task bench --mirror`: see README.md of the bench. */
import { kafkaRuntime } from "../../tests/support/kafka_runtime.ts";
import { buildNative, compileTool } from "../install.ts";
import type { Options } from "../options.ts";
import { latencyTable } from "../report.ts";
import { describe, keep, print } from "../results.ts";
import { select } from "../systems.ts";
import { measureMirrorLatency } from "./latency.ts";
import { mirrorTable } from "./report.ts";
import type { MirrorSystem } from "./system.ts";
import { mirrorLatencySystems, mirrorThroughputSystems } from "./systems.ts";
import { measureMirrors } from "./throughput.ts";

/** @returns the exit status: 1 when a system failed or made a wrong copy. */
export async function mirrorBench(
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const measure = options.mode === "latency" ? latency : throughput;
  return await measure(options, signal);
}

async function throughput(
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const all = mirrorThroughputSystems(options.ours);
  const systems = select(all, options.systems);
  await install(systems, options);
  const context = await describe();
  const runs = await measureMirrors(systems, options, signal);
  await keep("mirror-throughput", { ...context, options, runs });
  print(mirrorTable(systems, runs, context));
  return runs.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

async function latency(
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const systems = select(mirrorLatencySystems(options.ours), options.systems);
  await install(systems, options);
  await compileTool();
  const context = await describe();
  const runs = await measureMirrorLatency(systems, options, signal);
  await keep("mirror-latency", { ...context, options, runs });
  print(latencyTable(systems, runs, context));
  return runs.every(({ problem }) => problem === null) ? 0 : 1;
}

/** Nothing is fetched or built while somebody is measured. */
async function install(
  systems: readonly MirrorSystem[],
  { ours }: Options,
): Promise<void> {
  await kafkaRuntime();
  const isOurs = systems.some(({ family }) => family === "switchyard");
  if (isOurs) await buildNative(ours);
}
