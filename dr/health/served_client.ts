/** A client of a probe, and what it says of itself meanwhile. */
import type {
  Admin,
  ClientEvent,
  Consumer,
  KafkaError,
  Producer,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { type Noted, noting } from "../clusters.ts";
import { isRefusal } from "./probe.ts";

/**
 * Properties of every client here: it lives for one failure at the most, so it
 * shall not be patient, and what it says of a cluster that is down the health
 * says better.
 */
export const IMPATIENT = {
  "reconnect.backoff.ms": 50,
  "reconnect.backoff.max.ms": 250,
  "socket.connection.setup.timeout.ms": 1_000,
  "socket.timeout.ms": 3_000,
  "statistics.interval.ms": 0,
  "log_level": 3,
} as const;

const POLL_MS = 100;

/** Remembers what clients told: see `ProbeSession`. */
export class ClientErrors {
  readonly #noted: Noted;
  /** The first refusal, else the last error. */
  last: KafkaError | null = null;

  constructor(log: Log) {
    this.#noted = noting(log);
  }

  note(event: ClientEvent, client: Admin | Consumer | Producer): void {
    if (event.kind === "error") {
      if (this.last === null || !isRefusal(this.last)) this.last = event.error;
    }
    this.#noted(event, client);
  }
}

/** Serves a client's events until it is disposed of; the client stays open. */
export class Served implements AsyncDisposable {
  readonly #client: Admin | Consumer;
  readonly #errors: ClientErrors;
  readonly #stop = new AbortController();
  readonly #serving: Promise<void>;

  constructor(client: Admin | Consumer, errors: ClientErrors) {
    this.#client = client;
    this.#errors = errors;
    this.#serving = this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stop.signal.aborted) {
      this.#stop.abort();
      this.#client.wake();
    }
    await this.#serving;
  }

  async #serve(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const event = await this.#client.poll(POLL_MS);
      if (event !== null) this.#errors.note(event, this.#client);
    }
  }
}
