/** Time from send to receipt of the output, at fixed rates. */
import { withCluster } from "../tests/support/kafka_cluster.ts";
import { BenchTopics } from "./bench_topics.ts";
import { lossOf, type MeasuredLatency, measureLoad } from "./latency_tool.ts";
import { MeasuredProcess } from "./measured_process.ts";
import { type Options, UsageError } from "./options.ts";
import { projectFolder, resultsFolder } from "./paths.ts";
import { say } from "./shell.ts";
import type { System } from "./systems.ts";

export interface LatencyRun extends Partial<MeasuredLatency> {
  /** Null: nothing between producer and reader, the floor of the method. */
  readonly system: string | null;
  readonly rate: number;
  readonly isHalf: boolean;
  readonly problem: string | null;
}

/** @param steadyRates records/s by the name of the system, for `half` */
export async function measureLatency(
  systems: readonly System[],
  options: Options,
  steadyRates: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<readonly LatencyRun[]> {
  return await withCluster({
    brokers: 1,
    heapMb: options.brokerHeapMb,
    optimizeFor: "throughput",
    config: { "log.segment.delete.delay.ms": "1000" },
  }, async (cluster) => {
    await using topics = await BenchTopics.connect(cluster);
    const runs: LatencyRun[] = [];
    for (const wanted of options.rates) {
      for (const system of [null, ...systems]) {
        if (system === null && wanted === "half") continue;
        const rate = wanted === "half"
          ? halfRate(system!, steadyRates)
          : wanted;
        const load = { rate, isHalf: wanted === "half" };
        runs.push(await attempt({ topics, options, signal }, system, load));
      }
    }
    return runs;
  });
}

/** Variants that were no throughput system have the rate of their namesake. */
function halfRate(
  { name, family }: System,
  steadyRates: ReadonlyMap<string, number>,
): number {
  const rate = steadyRates.get(name) ?? steadyRates.get(family);
  if (rate === undefined) {
    throw new UsageError(
      `no steady rate of ${name}: run the throughput bench first, ` +
        "or name the rates with --rates",
    );
  }
  return Math.round(rate / 2);
}

interface Bench {
  readonly topics: BenchTopics;
  readonly options: Options;
  readonly signal: AbortSignal;
}

async function attempt(
  bench: Bench,
  system: System | null,
  load: { readonly rate: number; readonly isHalf: boolean },
): Promise<LatencyRun> {
  const common = { system: system?.name ?? null, ...load };
  const title = `${system?.name ?? "no system"} at ${load.rate}/s`;
  try {
    const measured = await runOnce(bench, system, load.rate);
    const { p50Ms, p99Ms } = measured;
    say(`${title}: p50 ${p50Ms} ms, p99 ${p99Ms} ms`);
    return { ...common, ...measured, problem: lossOf(measured) };
  } catch (error) {
    bench.signal.throwIfAborted();
    const problem = error instanceof Error ? error.message : String(error);
    say(`${title}: ${problem}`);
    return { ...common, problem: `failed: ${problem.split("\n")[0]}` };
  }
}

async function runOnce(
  { topics, options, signal }: Bench,
  system: System | null,
  rate: number,
): Promise<MeasuredLatency> {
  const { warmUpSeconds, seconds } = options;
  const name = `latency-${system?.name ?? "none"}-${rate}`;
  const input = `${name}-in`;
  const output = system === null ? input : `${name}-out`;
  const created = [...new Set([input, output])];
  for (const topic of created) await topics.create(topic, options.partitions);
  const logFile = `${resultsFolder}/${name}.log`;
  await using stack = new AsyncDisposableStack();
  const process = system === null ? null : stack.use(
    new MeasuredProcess(system.command, {
      cwd: projectFolder,
      logFile,
      env: {
        PRIMARY_BROKERS: topics.brokers,
        INPUT_TOPIC: input,
        OUTPUT_TOPIC: output,
        GROUP_ID: name,
        ...system.env,
      },
    }),
  );
  const ended = new AbortController();
  void process?.ended.then(() =>
    ended.abort(new Error(`it ended early, see ${logFile}`))
  );
  const { brokers } = topics;
  const measured = await measureLoad({
    input: { brokers, topic: input },
    output: { brokers, topic: output },
    rate,
    warmUpSeconds,
    seconds,
  }, AbortSignal.any([signal, ended.signal]));
  await process?.stop();
  await topics.delete(...created);
  return measured;
}
