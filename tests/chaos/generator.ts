/**
 * Logins at a fixed rate, by a client that is not under test, with a history of
 * what was sent and acknowledged for the checker.
 *
 * A login is known by its number: the header `event_id`, which dead letters keep,
 * and a field of the same name in valid ones, which outputs keep.
 */
import type {
  IndependentClient,
  NewRecord,
  Outcome,
} from "../support/independent_client.ts";
import { loginRecord } from "../support/login_fixture.ts";
import { within } from "../support/wait.ts";
import { pause } from "../support/pause.ts";

export const idName = "event_id";

/** What the checker's history says. */
export type Operation =
  | { readonly op: "send"; readonly id: number; readonly key: string }
  | {
    readonly op: "ack";
    readonly id: number;
    readonly partition: number;
    readonly offset: number;
  };

export interface GeneratorOptions {
  readonly client: IndependentClient;
  readonly topic: string;
  readonly seed: number;
  readonly recordsPerSecond: number;
  /** It ends after so many; default: when it is stopped. */
  readonly records?: number;
  /** The number of the first one; default 0. */
  readonly first?: number;
  /** Default 1,000. */
  readonly users?: number;
  /** Called before the records are sent, and after they were acknowledged. */
  readonly history: (operations: readonly Operation[]) => void;
}

export interface LoadCounts {
  readonly sent: number;
  readonly acknowledged: number;
  /** Neither acknowledged nor surely absent. */
  readonly unknown: number;
  /** Of the first unknown one. */
  readonly reason?: string;
}

const malformedShare = 0.01;
const sliceMs = 20;
/** It falls behind while Kafka takes nothing, and catches up by this at most. */
const catchUpMs = 1_000;
/** Kafka's client gives records up after two minutes. */
const stopTimeoutMs = 150_000;

export class Generator implements AsyncDisposable {
  readonly #options: GeneratorOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<number>;
  #acknowledgements: Operation[] = [];
  #sent = 0;
  #acknowledged = 0;
  #unknown = 0;
  #reason: string | undefined;

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.#done = options.client.load(
      options.topic,
      this.#records(),
      (outcome) => this.#told(outcome),
    );
    this.#done.catch(() => {}); // `end` has the error
  }

  get counts(): LoadCounts {
    return {
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      unknown: this.#unknown,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    };
  }

  /** Sends no more, and waits until the end of everything sent is known. */
  async stop(): Promise<LoadCounts> {
    this.#stop.abort();
    return await this.end(stopTimeoutMs);
  }

  /** Waits until all `records` of the options have been sent. */
  async end(timeoutMs: number): Promise<LoadCounts> {
    await within(this.#done, timeoutMs, "told the end of all records");
    this.#flush();
    return this.counts;
  }

  /** Does not wait: the client is disposed of as well. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    return Promise.resolve();
  }

  async *#records(): AsyncGenerator<NewRecord> {
    const { first = 0, recordsPerSecond, records = Infinity } = this.#options;
    const { seed, users = 1_000 } = this.#options;
    const { signal } = this.#stop;
    const logins = { seed, malformedShare, users };
    let behindMs = 0;
    let lastMs = performance.now();
    while (!signal.aborted && this.#sent < records) {
      const nowMs = performance.now();
      behindMs = Math.min(behindMs + nowMs - lastMs, catchUpMs);
      lastMs = nowMs;
      const due = Math.floor(behindMs * recordsPerSecond / 1000);
      const count = Math.min(due, records - this.#sent);
      behindMs -= count * 1000 / recordsPerSecond;
      const slice = Array.from({ length: count }, (_, at) => {
        const id = first + this.#sent + at;
        return { id, login: loginRecord(id, logins) };
      });
      this.#options.history(
        slice.map(({ id, login }) => ({ op: "send", id, key: login.key })),
      );
      this.#flush();
      this.#sent += count;
      for (const { id, login: { key, value } } of slice) {
        const headers = [{ name: idName, value: String(id) }];
        yield { key, value, headers };
      }
      await pause(sliceMs, signal);
    }
  }

  #told(outcome: Outcome): void {
    switch (outcome.kind) {
      case "acknowledged": {
        const { index, partition, offset } = outcome;
        const id = (this.#options.first ?? 0) + index;
        this.#acknowledged++;
        this.#acknowledgements.push({ op: "ack", id, partition, offset });
        return;
      }
      case "unknown":
        this.#unknown++;
        this.#reason ??= outcome.reason;
        return;
      default:
        outcome satisfies never;
    }
  }

  #flush(): void {
    this.#options.history(this.#acknowledgements);
    this.#acknowledgements = [];
  }
}
