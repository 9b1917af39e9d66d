/** How much later a record can be read on the target, at fixed rates. */
import { eventually } from "../../tests/support/wait.ts";
import type { LatencyRun } from "../latency.ts";
import { lossOf, type MeasuredLatency, measureLoad } from "../latency_tool.ts";
import { MeasuredProcess } from "../measured_process.ts";
import { type Options, UsageError } from "../options.ts";
import { projectFolder, resultsFolder } from "../paths.ts";
import { say } from "../shell.ts";
import { type MirrorSystem, targetTopic } from "./system.ts";
import { type TwoClusters, withTwoClusters } from "./two_clusters.ts";

/** For the start of the system, until it has made the copy's topic. */
const START_TIMEOUT_MS = 60_000;

interface Bench {
  readonly clusters: TwoClusters;
  readonly options: Options;
  readonly signal: AbortSignal;
}

export async function measureMirrorLatency(
  systems: readonly MirrorSystem[],
  options: Options,
  signal: AbortSignal,
): Promise<readonly LatencyRun[]> {
  const rates = options.rates.map((rate) => {
    if (rate !== "half") return rate;
    throw new UsageError("--mirror --latency takes rates in records/s");
  });
  return await withTwoClusters(options, async (clusters) => {
    const runs: LatencyRun[] = [];
    for (const rate of rates) {
      for (const system of [null, ...systems]) {
        runs.push(await attempt({ clusters, options, signal }, system, rate));
      }
    }
    return runs;
  });
}

async function attempt(
  bench: Bench,
  system: MirrorSystem | null,
  rate: number,
): Promise<LatencyRun> {
  const common = { system: system?.name ?? null, rate, isHalf: false };
  const title = `${system?.name ?? "no system"} at ${rate}/s`;
  try {
    const measured = await runOnce(bench, system, rate);
    const { p50Ms, p99Ms, maxMs } = measured;
    say(`${title}: p50 ${p50Ms} ms, p99 ${p99Ms} ms, most ${maxMs} ms`);
    return { ...common, ...measured, problem: lossOf(measured) };
  } catch (error) {
    bench.signal.throwIfAborted();
    const problem = error instanceof Error ? error.message : String(error);
    say(`${title}: ${problem}`);
    return { ...common, problem: `failed: ${problem.split("\n")[0]}` };
  }
}

async function runOnce(
  { clusters, options, signal }: Bench,
  system: MirrorSystem | null,
  rate: number,
): Promise<MeasuredLatency> {
  const { partitions, policy, warmUpSeconds, seconds, roundTripMs } = options;
  const { source, target } = clusters;
  await clusters.clear([]);
  const name = `latency-${system?.name ?? "none"}-${rate}`;
  await source.create(name, partitions);
  const input = { brokers: source.brokers, topic: name };
  const load = { input, output: input, rate, warmUpSeconds, seconds };
  if (system === null) return await measureLoad(load, signal);

  await using stack = new AsyncDisposableStack();
  const route = stack.use(await clusters.route(roundTripMs));
  const folder = await Deno.makeTempDir({ prefix: "switchyard-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const { primaryBrokers, secondaryBrokers } = route;
  const flow = {
    ...{ primaryBrokers, secondaryBrokers, policy, folder },
    topic: name,
  };
  const { command, env } = await system.program(flow);
  const logFile = `${resultsFolder}/mirror-${name}.log`;
  const process = stack.use(
    new MeasuredProcess(command, { cwd: projectFolder, logFile, env }),
  );
  const ended = new AbortController();
  void process.ended.then(() =>
    ended.abort(new Error(`it ended early, see ${logFile}`))
  );
  const running = AbortSignal.any([signal, ended.signal]);
  const topic = targetTopic(flow);
  await eventually(() => clusters.hasCopy(topic), {
    what: `made ${topic}`,
    timeoutMs: START_TIMEOUT_MS,
    signal: running,
  });
  const measured = await measureLoad(
    { ...load, output: { brokers: target.brokers, topic } },
    running,
  );
  await process.stop();
  return measured;
}
