/** A record is written with `acks=all`, and read where it was acknowledged. */
import {
  Admin,
  type ClientProperties,
  type ConsumerProperties,
  type KafkaError,
  type Library,
  type ProducerProperties,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { PASSED, type ProbeOutcome, type ProbeSession } from "./probe.ts";
import { ProbeReader } from "./probe_reader.ts";
import { ensureProbeTopic, PROBE_TOPIC } from "./probe_topic.ts";
import { ProbeWriter } from "./probe_writer.ts";
import { ClientErrors, IMPATIENT, Served } from "./served_client.ts";

export interface RoundTripOptions {
  readonly library: Library;
  readonly admin: ClientProperties;
  readonly producer: ProducerProperties;
  readonly consumer: ConsumerProperties;
  /** Of the probe topic, where it must be created; null: the broker's default. */
  readonly replicationFactor: number | null;
  /** Who asks; part of each record. */
  readonly prober: string;
  readonly timeoutMs: number;
  readonly log: Log;
}

const TP = { topic: PROBE_TOPIC, partition: 0 } as const;

export class RoundTripSession implements ProbeSession {
  readonly #options: RoundTripOptions;
  readonly #errors: ClientErrors;
  readonly #stop = new AbortController();
  readonly #owned = new AsyncDisposableStack();
  readonly #reader: ProbeReader;
  readonly #writer: ProbeWriter;
  #isTopicThere = false;
  #sequence = 0;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(options: RoundTripOptions) {
    const { consumer, library, log, producer, timeoutMs } = options;
    this.#options = options;
    this.#errors = new ClientErrors(log);
    this.#reader = this.#owned.use(
      new ProbeReader(library, consumer, TP, this.#errors),
    );
    this.#writer = this.#owned.use(
      new ProbeWriter(library, producer, TP, timeoutMs, this.#errors),
    );
  }

  get lastError(): KafkaError | null {
    return this.#errors.last;
  }

  ask(signal: AbortSignal): Promise<ProbeOutcome> {
    const asking = this.#ask(AbortSignal.any([signal, this.#stop.signal]));
    this.#asking = asking.catch(() => {}); // its caller has the error
    return asking;
  }

  /** Ends an attempt that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("the probe ends", "AbortError"));
    await this.#asking;
    await this.#owned.disposeAsync();
  }

  async #ask(signal: AbortSignal): Promise<ProbeOutcome> {
    const missing = await this.#ensureTopic(signal);
    if (missing !== null) return missing;
    const value = `${this.#options.prober} ${++this.#sequence}`;
    const offset = await this.#writer.write(value, signal);
    const read = await this.#reader.valueAt(offset, signal);
    if (read !== value) {
      return {
        kind: "failed",
        why: `"${value}" was acknowledged at ${PROBE_TOPIC} [0] ${offset}, ` +
          `where now is ${read === null ? "nothing" : `"${read}"`}`,
      };
    }
    this.#errors.last = null;
    return PASSED;
  }

  /** Once in the life of a session: one that has failed has no other. */
  async #ensureTopic(signal: AbortSignal): Promise<ProbeOutcome | null> {
    if (this.#isTopicThere) return null;
    const { admin: properties, library } = this.#options;
    await using admin = new Admin(library, { ...properties, ...IMPATIENT });
    await using _served = new Served(admin, this.#errors);
    const options = { ...this.#options, topic: PROBE_TOPIC };
    const missing = await ensureProbeTopic(admin, options, signal);
    this.#isTopicThere = missing === null;
    return missing;
  }
}
