/** Runs every system over the same input, once in each order. */
import { withCluster } from "../tests/support/kafka_cluster.ts";
import { BenchTopics } from "./bench_topics.ts";
import { steadyRate } from "./figures.ts";
import { differences, type Digest, digest, load } from "./input.ts";
import { MeasuredProcess } from "./measured_process.ts";
import type { Options } from "./options.ts";
import { projectFolder, resultsFolder } from "./paths.ts";
import { say } from "./shell.ts";
import type { System } from "./systems.ts";
import { watchOutputs } from "./watch.ts";

const INPUT = "bench-input";

export interface Run {
  readonly system: string;
  readonly round: number;
  /** Records/s. */
  readonly steadyRate: number;
  /** From the start of the process to the last output. */
  readonly totalSeconds: number;
  /** Until the last output. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** What was wrong; empty when nothing was. */
  readonly problems: readonly string[];
}

interface Bench {
  readonly topics: BenchTopics;
  readonly input: Digest;
  readonly signal: AbortSignal;
  readonly outputPartitions: number;
}

export async function measureThroughput(
  systems: readonly System[],
  options: Options,
  signal: AbortSignal,
): Promise<readonly Run[]> {
  return await withCluster({
    brokers: 1,
    heapMb: options.brokerHeapMb,
    optimizeFor: "throughput",
    config: { "log.segment.delete.delay.ms": "1000" },
  }, async (cluster) => {
    await using topics = await BenchTopics.connect(cluster);
    say(`writing ${options.messages} logins`);
    await topics.create(INPUT, options.partitions);
    signal.throwIfAborted();
    const { isTraced, messages } = options;
    await load(topics.brokers, INPUT, messages, isTraced);
    // Also warms the page cache, and the broker up.
    const input = await digest(topics.brokers, INPUT, "input", signal);
    const runs: Run[] = [];
    const { rounds, uncountedRounds } = options;
    for (let round = 0; round < uncountedRounds + rounds; round++) {
      const order = round % 2 === 0 ? systems : systems.toReversed();
      for (const system of order) {
        const { outputPartitions } = options;
        const bench = { topics, outputPartitions, input, signal };
        const run = await attempt(bench, system, round);
        if (round >= uncountedRounds) runs.push(run);
      }
    }
    return runs;
  });
}

/** One system that fails must not cost the figures of the others. */
async function attempt(
  bench: Bench,
  system: System,
  round: number,
): Promise<Run> {
  let result: Run;
  try {
    result = await runOnce(bench, system, round);
  } catch (error) {
    bench.signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    result = {
      system: system.name,
      round,
      steadyRate: NaN,
      totalSeconds: NaN,
      cpuSeconds: NaN,
      peakMb: NaN,
      problems: [`failed: ${reason} (${logFile(system, round)})`],
    };
  }
  const rate = Math.round(result.steadyRate);
  const verdict = result.problems.length === 0
    ? "all outputs are right"
    : result.problems.join(", ");
  say(`round ${round + 1}: ${system.name}: ${rate} msg/s, ${verdict}`);
  return result;
}

async function runOnce(
  { topics, outputPartitions, input, signal }: Bench,
  system: System,
  round: number,
): Promise<Run> {
  const name = `bench-${system.name}-${round}`;
  await topics.create(name, outputPartitions);
  await using stack = new AsyncDisposableStack();
  const started = performance.now();
  const processes = Array.from(
    { length: system.processes },
    () =>
      stack.use(
        new MeasuredProcess(system.command, {
          cwd: projectFolder,
          logFile: logFile(system, round),
          env: {
            PRIMARY_BROKERS: topics.brokers,
            INPUT_TOPIC: INPUT,
            OUTPUT_TOPIC: name,
            GROUP_ID: name,
            ...system.env,
          },
        }),
      ),
  );

  const watched = await watchOutputs(
    processes,
    () => topics.outputs(name),
    { expected: input.records, started, signal },
  );
  await Promise.all(processes.map((process) => process.stop()));

  const output = await digest(topics.brokers, name, "output", signal);
  const committed = await topics.committed(name, INPUT);
  await topics.delete(name);
  return {
    system: system.name,
    round,
    steadyRate: steadyRate(watched.samples, output.records),
    totalSeconds: watched.totalSeconds,
    ...watched.usage,
    problems: differences(input, output, committed),
  };
}

function logFile(system: System, round: number): string {
  return `${resultsFolder}/${system.name}-${round}.log`;
}
