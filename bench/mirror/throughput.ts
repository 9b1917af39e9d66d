/** Every system copies the same topic, once in each order. */
import { steadyRate } from "../figures.ts";
import { MeasuredProcess } from "../measured_process.ts";
import type { Options } from "../options.ts";
import { projectFolder, resultsFolder } from "../paths.ts";
import { say } from "../shell.ts";
import { watchOutputs } from "../watch.ts";
import { type Content, copyProblems, countOf } from "./copy.ts";

import { loadSource, readContent } from "./records.ts";
import { type MirrorSystem, targetTopic } from "./system.ts";
import { type TwoClusters, withTwoClusters } from "./two_clusters.ts";

const TOPIC = "user-login";

/** One system at one distance. */
export interface Case {
  readonly system: string;
  /** Null: without a proxy between the clusters. */
  readonly roundTripMs: number | null;
}

export interface MirrorRun extends Case {
  readonly round: number;
  /** Records/s. */
  readonly steadyRate: number;
  /** From the start of the process to its last record. */
  readonly totalSeconds: number;
  /** Until the last record. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** What was wrong; empty when nothing was. */
  readonly problems: readonly string[];
}

interface Bench {
  readonly clusters: TwoClusters;
  readonly content: Content;
  readonly options: Options;
  readonly signal: AbortSignal;
}

export async function measureMirrors(
  systems: readonly MirrorSystem[],
  options: Options,
  signal: AbortSignal,
): Promise<readonly MirrorRun[]> {
  return await withTwoClusters(options, async (clusters) => {
    const { source } = clusters;
    say(`writing ${options.messages} logins`);
    await source.create(TOPIC, options.partitions);
    signal.throwIfAborted();
    await loadSource(source.brokers, TOPIC, options.messages);
    // Also warms the page cache, and the broker up.
    const content = await readContent(source.brokers, TOPIC);
    const bench = { clusters, content, options, signal };
    const runs: MirrorRun[] = [];
    for (let round = 0; round < options.rounds; round++) {
      const cases = systems.flatMap((system) =>
        distancesOf(options).map((roundTripMs) => ({ system, roundTripMs }))
      );
      for (const each of round % 2 === 0 ? cases : cases.toReversed()) {
        runs.push(await attempt(bench, each, round));
      }
    }
    return runs;
  });
}

/**
 * Of a round trip the proxy itself is no part: the runs that it is compared
 * with go through one that delays nothing.
 */
export function distancesOf(
  { roundTripMs }: Pick<Options, "roundTripMs">,
): readonly (number | null)[] {
  return roundTripMs === null ? [null] : [0, roundTripMs];
}

interface Attempt {
  readonly system: MirrorSystem;
  readonly roundTripMs: number | null;
}

/** One system that fails must not cost the figures of the others. */
async function attempt(
  bench: Bench,
  { system, roundTripMs }: Attempt,
  round: number,
): Promise<MirrorRun> {
  const far = roundTripMs === null ? "" : `-${roundTripMs}ms`;
  const logFile = `${resultsFolder}/mirror-${system.name}${far}-${round}.log`;
  const common = { system: system.name, roundTripMs, round };
  let result: MirrorRun;
  try {
    const figures = await runOnce(bench, { system, roundTripMs }, logFile);
    result = { ...common, ...figures };
  } catch (error) {
    bench.signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    result = {
      ...common,
      steadyRate: NaN,
      totalSeconds: NaN,
      cpuSeconds: NaN,
      peakMb: NaN,
      problems: [`failed: ${reason} (${logFile})`],
    };
  }
  const verdict = result.problems.length === 0
    ? "all records are there"
    : result.problems.join(", ");
  say(
    `round ${round + 1}: ${system.name}${far}: ` +
      `${Math.round(result.steadyRate)} msg/s, ${verdict}`,
  );
  return result;
}

async function runOnce(
  { clusters, content, options, signal }: Bench,
  { system, roundTripMs }: Attempt,
  logFile: string,
): Promise<Omit<MirrorRun, "system" | "roundTripMs" | "round">> {
  await clusters.clear([TOPIC]);
  await using stack = new AsyncDisposableStack();
  const route = stack.use(await clusters.route(roundTripMs));
  const folder = await Deno.makeTempDir({ prefix: "switchyard-bench-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const { primaryBrokers, secondaryBrokers } = route;
  const { policy } = options;
  const flow = {
    ...{ primaryBrokers, secondaryBrokers, policy, folder },
    topic: TOPIC,
  };
  const copy = targetTopic(flow);
  const { command, env } = await system.program(flow);

  const started = performance.now();
  const process = stack.use(
    new MeasuredProcess(command, { cwd: projectFolder, logFile, env }),
  );
  const watched = await watchOutputs(
    [process],
    clusters.copied(copy),
    { expected: countOf(content), started, signal },
  );
  await process.stop();

  const copied = await clusters.hasCopy(copy)
    ? await readContent(clusters.target.brokers, copy)
    : [];
  return {
    steadyRate: steadyRate(watched.samples, countOf(copied)),
    totalSeconds: watched.totalSeconds,
    ...watched.usage,
    problems: copyProblems(content, copied),
  };
}
