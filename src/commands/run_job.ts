/**
 * Composes what a job consists of and runs it:
 *
 *     native library -> cluster (embedded, or checked) -> pool -> http, view
 *
 * Everything is disposed in the reverse order, whatever happens.
 */
import { toFileUrl } from "./file_url.ts";
import {
  type LoadedSettings,
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";
import { EMBEDDED_LIMITS, startEmbeddedCluster } from "../embedded/cluster.ts";
import { LoginSource } from "../embedded/login_source.ts";
import { type Library, openLibrary, verifyLayout } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { missingFeatures } from "../kafka/native/features.ts";
import { ensureNative } from "../kafka/native/locate.ts";
import { progressWriter } from "../kafka/native/progress.ts";
import { Pool, type PoolStatus, type Rates } from "../pool/mod.ts";
import { startHttp } from "../telemetry/http.ts";
import {
  canShowLiveView,
  LiveView,
  standardTerminal,
  wantsColor,
} from "../telemetry/live_view.ts";
import { createLog, type Log, LogSink } from "../telemetry/log.ts";
import { type ClientSettings, clientSettings } from "./client_properties.ts";
import { preflight } from "./preflight.ts";
import { listenToSignals } from "./signals.ts";
import type { StartOptions } from "./start.ts";

const LOOK_MS = 50;
const KIB = 1024;
const MIB = 1024 * KIB;
const REFERENCE_PROCESSOR = new URL(
  "../../workers/processors/user_login.ts",
  import.meta.url,
).href;

/** @returns the exit status. */
export async function runJob(
  { settings }: LoadedSettings,
  options: StartOptions,
): Promise<number> {
  const startedMs = performance.now();
  const sink = new LogSink();
  const log = createLog({ level: settings.logLevel, write: sink.write });
  await using stack = new AsyncDisposableStack();

  const stop = Promise.withResolvers<string>();
  let reload = () => {};
  stack.use(listenToSignals({
    onStop: (signal) => stop.resolve(signal),
    onStopNow: () => Deno.exit(1),
    onReload: () => reload(),
  }));

  const onTerminal = canShowLiveView();
  const library = await openNative(settings);
  const { brokers } = settings.primary;
  const cluster = brokers === null
    ? stack.use(
      await startEmbeddedCluster(library, {
        topics: [
          settings.inputTopic,
          settings.outputTopic,
          settings.dlqTopic,
        ],
        partitions: settings.embedded.partitions,
      }),
    )
    : null;
  const servers = cluster?.bootstrapServers ?? brokers!;
  const clients = clientSettings(settings, settings.primary, servers);
  if (cluster === null) {
    await preflight({
      library,
      properties: clients.producer,
      brokers: servers,
      inputTopic: settings.inputTopic,
      outputTopics: [settings.outputTopic, settings.dlqTopic],
      createTopics: settings.createTopics,
      log,
    });
  } else {
    for (const line of EMBEDDED_LIMITS) {
      if (onTerminal) printLine(line);
      else log.info(line);
    }
  }
  const pool = stack.use(newPool(library, settings, clients, log, onTerminal));
  const http = stack.use(startHttp({
    host: settings.httpHost,
    port: settings.httpPort,
    status: () => pool.status(),
    group: { group: settings.groupId, topic: settings.inputTopic },
    log,
  }));
  const over = new AbortController();
  if (cluster !== null) {
    const source = stack.use(
      new LoginSource(library, {
        bootstrapServers: servers,
        topic: settings.inputTopic,
        stream: {
          seed: 1,
          malformed: settings.embedded.malformed,
          startSeconds: Math.floor(Date.now() / 1000),
          perSecond: settings.embedded.rate,
        },
        rate: settings.embedded.rate,
        ...(options.messages === null ? {} : { limit: options.messages }),
        settled: () => pool.settledOffsets,
      }),
    );
    source.run(over.signal).catch((error) => stop.resolve(String(error)));
  }
  await pool.start();
  reload = () => reloadSettings(pool, log);
  log.info("started", {
    cluster: brokers ?? "embedded",
    input: settings.inputTopic,
    output: settings.outputTopic,
    group: settings.groupId,
    workers: settings.workers,
    librdkafka: library.version,
    http: `http://${settings.httpHost}:${http.port}`,
  });
  if (onTerminal) {
    const view = stack.use(liveView(pool, settings, brokers));
    if (Deno.stderr.isTerminal()) stack.use(sink.divert(view.log));
  }

  const reason = await Promise.race([
    stop.promise.then((signal) => ({ kind: "stopped", signal } as const)),
    pool.failed.then((failure) => ({ kind: "failed", failure } as const)),
    whenDone(pool, options, over.signal),
  ]);
  over.abort();
  if (reason.kind === "failed") log.error(reason.failure);
  else log.info("draining", reason);
  const clean = await pool.drain(settings.drainMs);
  const status = pool.status();
  const summary = summaryOf(status, performance.now() - startedMs);
  if (!clean) {
    // What a hung thread holds can only be freed by the end of the process.
    log.warn("closing was not possible");
    printSummary(summary);
    Deno.exit(reason.kind === "failed" ? 1 : 0);
  }
  await stack.disposeAsync();
  printSummary(summary);
  return reason.kind === "failed" ? 1 : 0;
}

async function openNative(settings: Settings): Promise<Library> {
  const native = await ensureNative({
    libraryPath: settings.libraryPath,
    onProgress: progressWriter(),
  });
  const { kafka, consumer, producer } = settings.primary;
  const missing = missingFeatures(
    { ...kafka, ...consumer, ...producer } as Record<string, string>,
    native.features,
  );
  if (missing.length > 0) throw new NativeError(missing.join("\n"));
  const library = openLibrary(native.path);
  await verifyLayout(library);
  return library;
}

function newPool(
  library: Library,
  settings: Settings,
  clients: ClientSettings,
  log: Log,
  samples: boolean,
): Pool {
  return new Pool({
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
      limits: {
        batchRecords: settings.batchRecords,
        pendingRecords: settings.pendingRecords,
        pendingBytes: settings.pendingKbytes * KIB,
        concurrency: settings.concurrency,
        handlerTimeoutMs: settings.handlerTimeoutMs,
      },
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

function liveView(
  pool: Pool,
  settings: Settings,
  brokers: string | null,
): LiveView {
  return new LiveView({
    title: {
      processor: settings.processor ?? "user_login",
      inputTopic: settings.inputTopic,
      outputTopic: settings.outputTopic,
      cluster: brokers ?? "embedded cluster",
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

interface Summary {
  readonly event: "summary";
  readonly consumed: number;
  readonly produced: number;
  readonly deadLettered: number;
  readonly skipped: number;
  readonly seconds: number;
}

const summaryOf = ({ totals }: PoolStatus, elapsedMs: number): Summary => ({
  event: "summary",
  ...totals,
  seconds: Math.round(elapsedMs) / 1000,
});

function printSummary(summary: Summary): void {
  printLine(JSON.stringify(summary));
}

function printLine(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
