/** Probes that ask by administrative requests. */
import {
  Admin,
  type ClientProperties,
  type ConfigDescription,
  KafkaError,
  type Library,
  type TopicMetadata,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { forEachBounded } from "../cut/bounded.ts";
import { unlessAborted } from "../waits.ts";
import type { BrokerAddress } from "./known_brokers.ts";
import { judgePartitions, NO_MINIMUM } from "./judge_partitions.ts";
import { PASSED, type ProbeOutcome, type ProbeSession } from "./probe.ts";
import { ClientErrors, IMPATIENT, Served } from "./served_client.ts";

export interface AdminProbeOptions {
  readonly library: Library;
  readonly properties: ClientProperties;
  readonly timeoutMs: number;
  readonly log: Log;
}

/** An admin client with its events served, asked by `question`. */
class AdminSession implements ProbeSession {
  readonly #admin: Admin;
  readonly #errors: ClientErrors;
  readonly #owned = new AsyncDisposableStack();
  readonly #question: Question;

  constructor(options: AdminProbeOptions, question: Question) {
    const { library, log, properties } = options;
    this.#question = question;
    this.#admin = this.#owned.use(
      new Admin(library, { ...properties, ...IMPATIENT }),
    );
    this.#errors = new ClientErrors(log);
    this.#owned.use(new Served(this.#admin, this.#errors));
  }

  get lastError() {
    return this.#errors.last;
  }

  async ask(signal: AbortSignal): Promise<ProbeOutcome> {
    const outcome = await this.#question(this.#admin, signal);
    if (outcome.kind === "passed") this.#errors.last = null;
    return outcome;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

type Question = (admin: Admin, signal: AbortSignal) => Promise<ProbeOutcome>;

/** @param told which brokers the cluster says that it has. */
export function metadataProbe(
  options: AdminProbeOptions,
  told: (brokers: readonly BrokerAddress[]) => void,
): ProbeSession {
  return new AdminSession(options, async (admin, signal) => {
    const { brokers } = await unlessAborted(
      admin.metadata(null, options.timeoutMs),
      signal,
    );
    if (brokers.length === 0) {
      return { kind: "failed", why: "the cluster names no brokers" };
    }
    told(brokers);
    return PASSED;
  });
}

/** How long minima of in-sync replicas are taken to stay as they are. */
const MINIMA_MS = 60_000;
const TOPICS_AT_ONCE = 8;

/** @param topics as they are now; may be none. */
export function partitionsProbe(
  options: AdminProbeOptions,
  topics: () => readonly string[],
): ProbeSession {
  const { timeoutMs } = options;
  let minima: ReadonlyMap<string, number> = new Map();
  let askedMs = -Infinity;
  return new AdminSession(options, async (admin, signal) => {
    const watched = topics();
    const found: TopicMetadata[] = [];
    await forEachBounded(watched, TOPICS_AT_ONCE, async (topic) => {
      const asked = admin.metadata(topic, timeoutMs);
      const metadata = await unlessAborted(asked, signal);
      found.push(...metadata.topics.filter((each) => each.topic === topic));
    });
    const outcome = judgePartitions(found, minima);
    const isOld = performance.now() - askedMs > MINIMA_MS ||
      watched.some((topic) => !minima.has(topic));
    if (outcome.kind !== "passed" || !isOld) return outcome;
    minima = await minimaOf(admin, watched, {
      timeoutMs: Math.ceil(timeoutMs / 3),
      signal,
    });
    askedMs = performance.now();
    return judgePartitions(found, minima);
  });
}

/** Of topics whose settings cannot be read the least that Kafka has. */
async function minimaOf(
  admin: Admin,
  topics: readonly string[],
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Map<string, number>> {
  const minima = new Map(topics.map((topic) => [topic, NO_MINIMUM]));
  const resources = topics.map((name) => ({ type: "topic" as const, name }));
  let answers: readonly ConfigDescription[] = [];
  try {
    answers = await admin.configs.describe(resources, options);
  } catch (error) {
    // The embedded cluster, for example, never answers this request.
    if (!(error instanceof KafkaError)) throw error;
  }
  for (const { entries, error, name } of answers) {
    const found = entries.find((each) => each.name === "min.insync.replicas");
    if (error === null && found?.value) minima.set(name, Number(found.value));
  }
  return minima;
}
