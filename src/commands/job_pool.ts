/** The pool that a job's settings ask for. */
import { delayTopics, type Settings } from "../config/mod.ts";
import type { Library } from "../kafka/mod.ts";
import { type DoneOutputs, Pool, type Rates } from "../pool/mod.ts";
import type { Log } from "../telemetry/log.ts";
import type { SpanSink, Tracing } from "../telemetry/spans.ts";
import { toFileUrl } from "./file_url.ts";
import type { FitCluster } from "./fit_cluster.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const REFERENCE_PROCESSOR = new URL(
  "../../workers/processors/user_login.ts",
  import.meta.url,
).href;

export interface JobPoolParts {
  readonly library: Library;
  readonly settings: Settings;
  /** That it works on. */
  readonly cluster: FitCluster;
  readonly instanceId: string;
  /** Whether samples are wanted. */
  readonly samples: boolean;
  readonly log: Log;
  readonly tracing: Tracing | null;
  readonly onSpans: SpanSink;
  /** Outputs that must not be sent again; absent: there are none. */
  readonly done?: Promise<DoneOutputs | null>;
  readonly firstWorkerId?: number;
  /** Default: always. */
  readonly mayCommit?: () => boolean;
  /** Default: those of the settings. */
  readonly rates?: Rates;
}

export function jobPool(parts: JobPoolParts): Pool {
  const { cluster, done, firstWorkerId, library, log, settings } = parts;
  const delays = delayTopics(settings.inputTopic, settings.retryDelays);
  return new Pool({
    instanceId: parts.instanceId,
    library,
    ...cluster.clients,
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
        mostMs: settings.transactionTimeoutMs / 2,
        records: settings.transactionRecords,
      },
      coordinates: cluster.coordinates,
      samples: parts.samples,
      tracing: parts.tracing,
      logLevel: log.level.memory,
    },
    ...(done === undefined ? {} : { done }),
    workers: settings.workers,
    ...(firstWorkerId === undefined ? {} : { firstWorkerId }),
    rates: parts.rates ?? ratesOf(settings),
    ...(parts.mayCommit === undefined ? {} : { mayCommit: parts.mayCommit }),
    commitIntervalMs: settings.commitIntervalMs,
    watchdogMs: settings.watchdogMs,
    workerHeapBytes: settings.workerHeapMb * MIB,
    revokeMs: settings.drainMs,
    log,
    onSpans: parts.onSpans,
  });
}

export const ratesOf = (
  settings: Pick<Settings, "rateKbytes" | "rateRecords">,
): Rates => ({
  records: settings.rateRecords,
  bytes: settings.rateKbytes === null ? null : settings.rateKbytes * KIB,
});
