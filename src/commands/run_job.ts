/**
 * Composes what a job consists of and runs it:
 *
 *     native library -> cluster (embedded, or checked) -> pool -> http, view
 *
 * Everything is disposed in the reverse order, whatever happens.
 */
import type { ClusterName } from "../../dr/state/mod.ts";
import {
  delayTopics,
  type LoadedSettings,
  type Settings,
} from "../config/mod.ts";
import { EMBEDDED_LIMITS, startEmbeddedCluster } from "../embedded/cluster.ts";
import { LoginSource } from "../embedded/login_source.ts";
import type { Library } from "../kafka/mod.ts";
import type { Pool } from "../pool/mod.ts";
import { liveness, readiness, shownStatus } from "../telemetry/health.ts";
import {
  canShowLiveView,
  LiveView,
  standardTerminal,
  wantsColor,
} from "../telemetry/live_view.ts";
import { type Log, logClientLine, type LogFields } from "../telemetry/log.ts";
import { poolMetrics, type PoolNames } from "../telemetry/pool_metrics.ts";
import { progressText, startProgress } from "../telemetry/progress.ts";
import type { SpanSink, Tracing } from "../telemetry/spans.ts";
import { clientSettings } from "./client_properties.ts";
import { fitCluster } from "./fit_cluster.ts";
import { FollowingPool } from "./following/following_pool.ts";
import { chosenInstanceId, instanceIdOf } from "./instance_id.ts";
import { jobPool, ratesOf } from "./job_pool.ts";
import { print } from "./output.ts";
import { reloadSettings } from "./role_log.ts";
import { Service } from "./service.ts";
import type { StartOptions } from "./start.ts";

const LOOK_MS = 50;
const MIB = 1024 * 1024;

type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "stopped"; readonly signal: string }
  | { readonly kind: "failed"; readonly failure: string };

/** @returns the exit status. */
export async function runJob(
  loaded: LoadedSettings,
  options: StartOptions,
): Promise<number> {
  const { settings } = loaded;
  const startedMs = performance.now();
  const view = canShowLiveView();
  let reload = () => {};
  await using stack = new AsyncDisposableStack();
  const instance = stack.use(
    settings.guarantee === "at-least-once"
      ? chosenInstanceId(settings.instanceId)
      : instanceIdOf(loaded),
  );
  const service = stack.use(
    await Service.open({
      settings,
      instanceId: instance.id,
      onReload: () => reload(),
    }),
  );
  const { library, log, telemetry } = service;
  const maker: Maker = {
    library,
    settings,
    instanceId: instance.id,
    samples: view,
    log,
    tracing: telemetry.tracing,
    onSpans: telemetry.onSpans,
  };
  const over = new AbortController();
  const { brokers } = settings.primary;
  const { feed, work } = brokers === null
    ? await embeddedJob(maker, stack, options, over)
    : {
      work: stack.use(await clusterJob(maker, brokers)),
      feed: () => never,
    };
  const http = stack.use(service.serve({
    liveness: () => liveness(work.status()),
    readiness: () => readiness(work.status()),
    status: () => shownStatus(work.status()),
    metrics: () => poolMetrics(work.status(), namesOf(settings)),
  }));
  const generating = feed();
  // Of two clusters none may be there to begin on.
  await Promise.race([work.start(), service.stopped]);
  reload = () => reloadSettings(log, (settings) => takeOver(work, settings));
  if (view) {
    const shown = stack.use(liveView(work, settings));
    if (Deno.stderr.isTerminal()) stack.use(service.sink.divert(shown.log));
  } else {
    log.info("started", {
      cluster: clusterOf(work, settings),
      input: settings.inputTopic,
      output: settings.outputTopic,
      group: settings.groupId,
      guarantee: settings.guarantee,
      instance: instance.id,
      workers: settings.workers,
      librdkafka: library.version,
      http: `http://${settings.httpHost}:${http.port}`,
    });
    stack.use(startProgress({
      log,
      total: () => work.status().totals.consumed,
      text: (rate) => progressText(work.status(), settings, rate),
    }));
  }

  const outcome: Outcome = await Promise.race([
    service.stopped.then((signal) => ({ kind: "stopped", signal } as const)),
    work.failed.then((failure) => ({ kind: "failed", failure } as const)),
    generating,
    whenDone(work, options, over.signal),
  ]);
  over.abort();
  if (outcome.kind === "failed") {
    const { groupId: group, inputTopic: input, outputTopic: output } = settings;
    log.error(outcome.failure, { group, input, output });
  } else {
    log.info("draining", outcome);
  }
  const clean = await work.drain(settings.drainMs);
  // The operator contract fixes the fields.
  const { retried: _, alreadyDone: __, ...totals } = work.status().totals;
  const summary = JSON.stringify({
    event: "summary",
    ...totals,
    seconds: Math.round(performance.now() - startedMs) / 1000,
  });
  const status = outcome.kind === "failed" ? 1 : 0;
  if (!clean) {
    // What a hung thread holds can only be freed by the end of the process.
    print(summary);
    await service[Symbol.asyncDispose]();
    Deno.exit(status);
  }
  await stack.disposeAsync();
  print(summary);
  return status;
}

const never = new Promise<never>(() => {});

/** The brokers that it begins on. */
function clusterOf(work: Work, settings: Settings): string {
  const active = work.status().following?.active ?? "primary";
  return settings[active].brokers ?? "embedded";
}

const namesOf = (settings: Settings): PoolNames => ({
  group: settings.groupId,
  input: settings.inputTopic,
  output: settings.outputTopic,
  deadLetters: settings.dlqTopic,
  delayTopics: delayTopics(settings.inputTopic, settings.retryDelays)
    .map(({ topic }) => topic),
});

/** What does the job: a pool, or one that follows the active cluster. */
type Work =
  & Pick<Pool, "drain" | "failed" | "setRates" | "setWorkers" | "start">
  & Pick<Pool, "status" | typeof Symbol.asyncDispose>;

export interface Maker {
  readonly library: Library;
  readonly settings: Settings;
  readonly instanceId: string;
  readonly samples: boolean;
  readonly log: Log;
  readonly tracing: Tracing | null;
  readonly onSpans: SpanSink;
}

/** On the embedded cluster, which ends with the stack. */
async function embeddedJob(
  maker: Maker,
  stack: AsyncDisposableStack,
  options: StartOptions,
  over: AbortController,
): Promise<{ readonly work: Work; readonly feed: () => Promise<Outcome> }> {
  const { library, log, samples, settings } = maker;
  const { inputTopic, outputTopic, dlqTopic } = settings;
  const delays = delayTopics(inputTopic, settings.retryDelays);
  const cluster = stack.use(
    await startEmbeddedCluster(library, {
      topics: [
        inputTopic,
        outputTopic,
        dlqTopic,
        ...delays.map(({ topic }) => topic),
      ],
      partitions: settings.embedded.partitions,
    }),
  );
  EMBEDDED_LIMITS.forEach(samples ? print : (line) => log.info(line));
  const servers = cluster.bootstrapServers;
  const clients = clientSettings(settings, settings.primary, servers);
  const fit = { clients, coordinates: null };
  const pool = stack.use(jobPool({ ...maker, cluster: fit }));
  return {
    work: pool,
    feed: () => generate(stack, maker, servers, options, pool, over),
  };
}

/** On the clusters of the settings: one, or whichever of two is active. */
async function clusterJob(maker: Maker, brokers: string): Promise<Work> {
  const { library, log, settings } = maker;
  const standby = settings.secondary.brokers;
  if (standby === null) {
    const cluster = await fitCluster(
      library,
      settings,
      "primary",
      brokers,
      log,
    );
    return jobPool({ ...maker, cluster });
  }
  return followingJob(maker, { primary: brokers, secondary: standby });
}

/** On whichever of two clusters is active. */
export function followingJob(
  maker: Maker,
  servers: Readonly<Record<ClusterName, string>>,
): FollowingPool {
  const { instanceId, library, log, settings } = maker;
  const watching: Settings = { ...settings, guarantee: "at-least-once" };
  const reached = (cluster: ClusterName) =>
    clientSettings(watching, settings[cluster], servers[cluster]);
  const clusters = {
    primary: reached("primary"),
    secondary: reached("secondary"),
  };
  return new FollowingPool({
    library,
    clusters,
    voter: `${settings.groupId}/${instanceId}/${crypto.randomUUID()}`,
    workers: settings.workers,
    rates: ratesOf(settings),
    drainMs: settings.drainMs,
    leaseMs: settings.leases.strict ? settings.leases.lengthMs : null,
    log,
    prepare: (cluster, log) =>
      fitCluster(library, settings, cluster, servers[cluster], log),
    group: settings.groupId,
    newPool: ({ rates, workers, ...parts }) =>
      jobPool({
        ...maker,
        ...parts,
        settings: { ...settings, workers },
        rates,
      }),
  });
}

/** Feeds the embedded cluster; ends only when it cannot go on. */
async function generate(
  stack: AsyncDisposableStack,
  { library, log, onSpans, settings: { embedded, inputTopic }, tracing }: Maker,
  bootstrapServers: string,
  { messages }: StartOptions,
  pool: Pool,
  over: AbortController,
): Promise<Outcome> {
  const source = stack.use(
    new LoginSource(library, {
      bootstrapServers,
      topic: inputTopic,
      stream: {
        seed: 1,
        malformed: embedded.malformed,
        startSeconds: Math.floor(Date.now() / 1000),
        perSecond: embedded.rate,
      },
      rate: embedded.rate,
      ...(messages === null ? {} : { limit: messages }),
      settled: () => pool.settledOffsets,
      onEvent: (event) => {
        if (event.kind === "log") logClientLine(log, event.log);
      },
      tracing,
      onSpans,
    }),
  );
  try {
    await source.run(over.signal);
  } catch (error) {
    return { kind: "failed", failure: String(error) };
  }
  return await never;
}

function liveView(work: Work, settings: Settings): LiveView {
  return new LiveView({
    title: {
      processor: settings.processor ?? "user_login",
      inputTopic: settings.inputTopic,
      outputTopic: settings.outputTopic,
      cluster: settings.primary.brokers ?? "embedded cluster",
      heapLimitBytes: settings.workerHeapMb * MIB,
    },
    status: () => work.status(),
    terminal: standardTerminal(),
    color: wantsColor(),
  });
}

/** What can change while the job runs, beside the log. */
function takeOver(work: Work, settings: Settings): LogFields {
  work.setWorkers(settings.workers);
  work.setRates(ratesOf(settings));
  const { rateKbytes, rateRecords, workers } = settings;
  return { workers, rateRecords, rateKbytes };
}

/** Ends when as many records are settled, or so much time is over. */
async function whenDone(
  work: Work,
  { messages, forMs }: StartOptions,
  signal: AbortSignal,
): Promise<{ readonly kind: "done" }> {
  const startedMs = performance.now();
  while (!signal.aborted) {
    const enough = messages !== null &&
      work.status().totals.consumed >= messages;
    const late = forMs !== null && performance.now() - startedMs >= forMs;
    if (enough || late) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return { kind: "done" };
}
