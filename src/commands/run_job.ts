/**
 * Composes what a job consists of and runs it:
 *
 *     native library -> cluster (embedded, or checked) -> pool -> http, view
 *
 * Everything is disposed in the reverse order, whatever happens.
 */
import { toFileUrl } from "./file_url.ts";
import {
  delayTopics,
  type LoadedSettings,
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";
import { EMBEDDED_LIMITS, startEmbeddedCluster } from "../embedded/cluster.ts";
import { LoginSource } from "../embedded/login_source.ts";
import type { Library, MockCluster } from "../kafka/mod.ts";
import { type JobCoordinates, Pool, type Rates } from "../pool/mod.ts";
import { startHttp } from "../telemetry/http.ts";
import {
  canShowLiveView,
  LiveView,
  standardTerminal,
  wantsColor,
} from "../telemetry/live_view.ts";
import { createLog, type Log, LogSink } from "../telemetry/log.ts";
import { type ClientSettings, clientSettings } from "./client_properties.ts";
import { readCoordinates } from "./coordinates.ts";
import { chosenInstanceId, freeInstanceId } from "./instance_id.ts";
import { openNative } from "./open_native.ts";
import { preflight } from "./preflight.ts";
import { aborted, listenToSignals } from "./signals.ts";
import type { StartOptions } from "./start.ts";

const LOOK_MS = 50;
const KIB = 1024;
const MIB = 1024 * KIB;
const REFERENCE_PROCESSOR = new URL(
  "../../workers/processors/user_login.ts",
  import.meta.url,
).href;

type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "stopped"; readonly signal: string }
  | { readonly kind: "failed"; readonly failure: string };

/** @returns the exit status. */
export async function runJob(
  { settings, sources }: LoadedSettings,
  options: StartOptions,
): Promise<number> {
  const startedMs = performance.now();
  const view = canShowLiveView();
  const sink = new LogSink();
  const log = createLog({ level: settings.logLevel, write: sink.write });
  const stop = new AbortController();
  let reload = () => {};
  await using stack = new AsyncDisposableStack();
  stack.use(listenToSignals({
    onStop: (signal) => stop.abort(signal),
    onStopNow: () => Deno.exit(1),
    onReload: () => reload(),
  }));

  const library = await openNative(settings, stop.signal);
  const cluster = await openCluster(library, settings, view, log);
  if (cluster.embedded !== null) stack.use(cluster.embedded);
  const instance = stack.use(
    sources.get("instanceId")?.kind !== "default" ||
      settings.guarantee === "at-least-once"
      ? chosenInstanceId(settings.instanceId)
      : freeInstanceId(settings.instanceId),
  );
  const coordinates = await readCoordinates(
    library,
    settings,
    cluster.clients.producer,
  );
  const pool = stack.use(
    newPool(
      library,
      settings,
      cluster.clients,
      coordinates,
      log,
      view,
      instance.id,
    ),
  );
  const http = stack.use(startHttp({
    host: settings.httpHost,
    port: settings.httpPort,
    status: () => pool.status(),
    group: { group: settings.groupId, topic: settings.inputTopic },
    log,
  }));
  const over = new AbortController();
  const generating = cluster.embedded === null
    ? never
    : generate(stack, library, cluster.brokers, settings, options, pool, over);
  await pool.start();
  reload = () => reloadSettings(pool, log);
  if (view) {
    const shown = stack.use(liveView(pool, settings));
    if (Deno.stderr.isTerminal()) stack.use(sink.divert(shown.log));
  } else {
    log.info("started", {
      cluster: settings.primary.brokers ?? "embedded",
      input: settings.inputTopic,
      output: settings.outputTopic,
      group: settings.groupId,
      guarantee: settings.guarantee,
      instance: instance.id,
      workers: settings.workers,
      librdkafka: library.version,
      http: `http://${settings.httpHost}:${http.port}`,
    });
  }

  const outcome: Outcome = await Promise.race([
    aborted(stop.signal).then((
      signal,
    ) => ({ kind: "stopped", signal } as const)),
    pool.failed.then((failure) => ({ kind: "failed", failure } as const)),
    generating,
    whenDone(pool, options, over.signal),
  ]);
  over.abort();
  if (outcome.kind === "failed") {
    const { groupId: group, inputTopic: input, outputTopic: output } = settings;
    log.error(outcome.failure, { group, input, output });
  } else {
    log.info("draining", outcome);
  }
  const clean = await pool.drain(settings.drainMs);
  // The operator contract fixes the fields.
  const { retried: _, alreadyDone: __, ...totals } = pool.status().totals;
  const summary = JSON.stringify({
    event: "summary",
    ...totals,
    seconds: Math.round(performance.now() - startedMs) / 1000,
  });
  const status = outcome.kind === "failed" ? 1 : 0;
  if (!clean) {
    // What a hung thread holds can only be freed by the end of the process.
    printLine(summary);
    Deno.exit(status);
  }
  await stack.disposeAsync();
  printLine(summary);
  return status;
}

const never = new Promise<never>(() => {});

interface OpenCluster {
  readonly brokers: string;
  readonly clients: ClientSettings;
  readonly embedded: MockCluster | null;
}

/** The embedded cluster, or the settings' one once it is fit for the job. */
async function openCluster(
  library: Library,
  settings: Settings,
  view: boolean,
  log: Log,
): Promise<OpenCluster> {
  const { inputTopic, outputTopic, dlqTopic, createTopics } = settings;
  const delayNames = delayTopics(inputTopic, settings.retryDelays)
    .map(({ topic }) => topic);
  const { brokers } = settings.primary;
  if (brokers === null) {
    const embedded = await startEmbeddedCluster(library, {
      topics: [inputTopic, outputTopic, dlqTopic, ...delayNames],
      partitions: settings.embedded.partitions,
    });
    EMBEDDED_LIMITS.forEach(view ? printLine : (line) => log.info(line));
    const servers = embedded.bootstrapServers;
    const clients = clientSettings(settings, settings.primary, servers);
    return { brokers: servers, clients, embedded };
  }
  const clients = clientSettings(settings, settings.primary, brokers);
  const { largestBatchBytes } = await preflight({
    library,
    properties: clients.producer,
    brokers,
    inputTopic,
    outputTopics: [outputTopic, dlqTopic],
    delayTopics: delayNames,
    createTopics,
    log,
  });
  return {
    brokers,
    clients: clientSettings(
      settings,
      settings.primary,
      brokers,
      largestBatchBytes === null ? {} : { largestBatchBytes },
    ),
    embedded: null,
  };
}

/** Feeds the embedded cluster; ends only when it cannot go on. */
async function generate(
  stack: AsyncDisposableStack,
  library: Library,
  bootstrapServers: string,
  { inputTopic, embedded }: Settings,
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
    }),
  );
  try {
    await source.run(over.signal);
  } catch (error) {
    return { kind: "failed", failure: String(error) };
  }
  return await never;
}

function newPool(
  library: Library,
  settings: Settings,
  clients: ClientSettings,
  coordinates: JobCoordinates | null,
  log: Log,
  samples: boolean,
  instanceId: string,
): Pool {
  const delays = delayTopics(settings.inputTopic, settings.retryDelays);
  return new Pool({
    instanceId,
    library,
    ...clients,
    inputTopic: settings.inputTopic,
    job: {
      processor: settings.processor === null
        ? REFERENCE_PROCESSOR
        : toFileUrl(settings.processor),
      outputTopic: settings.outputTopic,
      deadLetterTopic: settings.dlqTopic,
      groupId: settings.groupId,
      ordering: settings.ordering,
      retry: {
        attempts: settings.retryAttempts,
        backoffMs: settings.retryBackoffMs,
        inPlaceMs: settings.retryInPlaceMs,
        delaysMs: delays.map(({ delayMs }) => delayMs),
      },
      delayTopics: delays,
      commitIntervalMs: settings.commitIntervalMs,
      limits: {
        batchRecords: settings.batchRecords,
        pendingRecords: settings.pendingRecords,
        pendingBytes: settings.pendingKbytes * KIB,
        concurrency: settings.concurrency,
        handlerTimeoutMs: settings.handlerTimeoutMs,
      },
      transaction: settings.guarantee === "at-least-once" ? null : {
        intervalMs: settings.commitIntervalMs,
        records: settings.transactionRecords,
      },
      coordinates,
      done: null,
      samples,
      logLevel: settings.logLevel,
    },
    workers: settings.workers,
    rates: ratesOf(settings),
    commitIntervalMs: settings.commitIntervalMs,
    watchdogMs: settings.watchdogMs,
    workerHeapBytes: settings.workerHeapMb * MIB,
    revokeMs: settings.drainMs,
    log,
  });
}

function liveView(pool: Pool, settings: Settings): LiveView {
  return new LiveView({
    title: {
      processor: settings.processor ?? "user_login",
      inputTopic: settings.inputTopic,
      outputTopic: settings.outputTopic,
      cluster: settings.primary.brokers ?? "embedded cluster",
      heapLimitBytes: settings.workerHeapMb * MIB,
    },
    status: () => pool.status(),
    terminal: standardTerminal(),
    color: wantsColor(),
  });
}

const ratesOf = (settings: Settings): Rates => ({
  records: settings.rateRecords,
  bytes: settings.rateKbytes === null ? null : settings.rateKbytes * KIB,
});

/** SIGHUP: takes over what can change while the job runs. */
function reloadSettings(pool: Pool, log: Log): void {
  try {
    const { settings } = loadProcessSettings();
    pool.setWorkers(settings.workers);
    pool.setRates(ratesOf(settings));
    log.info("settings read again; workers and rates are in effect", {
      workers: settings.workers,
      rateRecords: settings.rateRecords,
      rateKbytes: settings.rateKbytes,
    });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    log.error("settings not taken over", { problems: error.problems });
  }
}

/** Ends when as many records are settled, or so much time is over. */
async function whenDone(
  pool: Pool,
  { messages, forMs }: StartOptions,
  signal: AbortSignal,
): Promise<{ readonly kind: "done" }> {
  const startedMs = performance.now();
  while (!signal.aborted) {
    const enough = messages !== null &&
      pool.status().totals.consumed >= messages;
    const late = forMs !== null && performance.now() - startedMs >= forMs;
    if (enough || late) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return { kind: "done" };
}

function printLine(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
