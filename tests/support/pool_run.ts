/** A pool in the test's own process, with what no setting can say. */
import { clientSettings } from "../../src/commands/client_properties.ts";
import { delayTopics, loadSettings } from "../../src/config/mod.ts";
import {
  type DoneOutputs,
  type JobCoordinates,
  Pool,
} from "../../src/pool/mod.ts";
import {
  createLog,
  LevelSwitch,
  type LogLine,
} from "../../src/telemetry/log.ts";
import type { Span, Tracing } from "../../src/telemetry/spans.ts";
import { library } from "./embedded.ts";
import { topicsOf } from "./job.ts";

export interface PoolRunOptions {
  readonly brokers: string;
  /** Names the topics and the group: see `topicsOf`. */
  readonly name: string;
  readonly processor: URL;
  readonly guarantee: "at-least-once" | "exactly-once";
  readonly coordinates: JobCoordinates | null;
  readonly done: DoneOutputs | null;
  /** Default: null. */
  readonly tracing?: Tracing | null;
  /** Default: always. */
  readonly mayCommit?: () => boolean;
}

/** Records that fail are tried twice, the second time a second later. */
export class PoolRun implements AsyncDisposable {
  readonly pool: Pool;
  readonly log: LogLine[] = [];
  readonly spans: Span[] = [];

  constructor(
    {
      brokers,
      name,
      processor,
      guarantee,
      coordinates,
      done,
      tracing = null,
      mayCommit = () => true,
    }: PoolRunOptions,
  ) {
    const { input, output, deadLetter, group } = topicsOf(name);
    const { settings } = loadSettings({
      env: {
        PRIMARY_BROKERS: brokers,
        INPUT_TOPIC: input,
        OUTPUT_TOPIC: output,
        GROUP_ID: group,
        GUARANTEE: guarantee,
        RETRY_DELAYS: RETRY_DELAY,
        LOG_LEVEL: "info",
        // Soon sees that a topic is gone, and sends to one that is new.
        PRIMARY_KAFKA_TOPIC_METADATA_REFRESH_INTERVAL_MS: "500",
      },
      readTextFile: (path) => Deno.readTextFileSync(path),
      hardwareConcurrency: 2,
      hostname: "test",
    });
    const { commitIntervalMs } = settings;
    const delays = delayTopics(input, settings.retryDelays);
    this.pool = new Pool({
      library,
      ...clientSettings(settings, settings.primary, brokers),
      inputTopic: input,
      instanceId: name,
      workers: 2,
      rates: { records: null, bytes: null },
      commitIntervalMs,
      watchdogMs: settings.watchdogMs,
      workerHeapBytes: settings.workerHeapMb * 2 ** 20,
      revokeMs: settings.drainMs,
      done: Promise.resolve(done),
      mayCommit,
      onSpans: (spans) => this.spans.push(...spans),
      log: createLog({
        level: settings.logLevel,
        write: (line) => this.log.push(line),
      }),
      job: {
        processor: processor.href,
        outputTopic: output,
        deadLetterTopic: deadLetter,
        groupId: group,
        ordering: settings.ordering,
        retry: {
          attempts: 2,
          backoffMs: 1000,
          inPlaceMs: 0,
          delaysMs: delays.map(({ delayMs }) => delayMs),
        },
        delayTopics: delays,
        commitIntervalMs,
        limits: {
          batchRecords: settings.batchRecords,
          pendingRecords: settings.pendingRecords,
          pendingBytes: settings.pendingKbytes * 2 ** 10,
          concurrency: settings.concurrency,
          handlerTimeoutMs: settings.handlerTimeoutMs,
        },
        transaction: guarantee === "at-least-once" ? null : {
          intervalMs: commitIntervalMs,
          mostMs: settings.transactionTimeoutMs / 2,
          records: settings.transactionRecords,
        },
        coordinates,
        samples: false,
        tracing,
        logLevel: new LevelSwitch(settings.logLevel).memory,
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
  }
}

export const RETRY_DELAY = "1s";

/** In which a pool's failed records wait. */
export const delayTopicOf = (name: string) =>
  `${topicsOf(name).input}.retry.${RETRY_DELAY}`;
