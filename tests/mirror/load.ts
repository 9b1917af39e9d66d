/**
 * Writes to source topics all the time, through Kafka's own client: a plain
 * producer and transactional ones, some of whose transactions are aborted, in
 * turns. What the source then holds is the truth; nothing is remembered here.
 */
import type {
  IndependentClient,
  NewRecord,
  WriterOptions,
} from "../support/independent_client.ts";
import { seededRandom } from "../support/load.ts";
import { loginRecord } from "../support/login_fixture.ts";
import { pause } from "../support/pause.ts";
import { type RecordSession, StepError } from "../support/record_session.ts";
import { within } from "../support/wait.ts";
import { loadedRecord } from "./load_records.ts";

/** The header by which a login is known, in dead letters too. */
export const idName = "event_id";

export interface LoadTopic {
  readonly name: string;
  readonly isCompacted?: boolean;
  /** Whether it gets valid and malformed logins, for a job, and nothing else. */
  readonly hasLogins?: boolean;
  /** Of records, beside the other topics. Default 1. */
  readonly weight?: number;
}

export interface MirrorLoadOptions {
  readonly client: IndependentClient;
  readonly topics: readonly LoadTopic[];
  readonly seed: number;
  readonly recordsPerSecond: number;
  /** Of values of 100 kB to 1 MB. Default 0.0005. */
  readonly largeShare?: number;
  /** Names the producers. */
  readonly name: string;
}

export interface MirrorLoadCounts {
  readonly sent: number;
  readonly acknowledged: number;
  /** Neither acknowledged nor surely absent. */
  readonly unknown: number;
  readonly committed: number;
  readonly aborted: number;
  /** Transactions whose end failed, and is not known. */
  readonly failed: number;
}

const plain = 0;
const transactionalWriters = 3;
const transactionalShare = 0.5;
const abortedShare = 0.25;
const mostRecordsInOne = 120;
const malformedShare = 0.01;
const sliceMs = 20;
/** It falls behind while Kafka takes nothing, and catches up by this at most. */
const catchUpMs = 500;
/** Kafka's client gives records up after two minutes. */
const stopTimeoutMs = 180_000;

export class MirrorLoad implements AsyncDisposable {
  readonly #options: MirrorLoadOptions;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  readonly #done: Promise<number>;
  /** By writer: records left of its open transaction; 0: there is none. */
  readonly #left = new Array<number>(1 + transactionalWriters).fill(0);
  readonly #counts = {
    sent: 0,
    acknowledged: 0,
    unknown: 0,
    committed: 0,
    aborted: 0,
    failed: 0,
  };
  #logins = 0;

  /** Starts at once. Its client serves nothing else before it has ended. */
  constructor(options: MirrorLoadOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const writers = Array.from(
      this.#left,
      (_, writer): WriterOptions => ({
        compression: writer % 2 === 0 ? "lz4" : "none",
        ...writer === plain
          ? {}
          : { transactionalId: `${options.name}-load-${writer}` },
      }),
    );
    this.#done = options.client.write(
      writers,
      (session) => this.#run(session),
      (outcome) => {
        if (outcome.kind === "acknowledged") this.#counts.acknowledged++;
        else this.#counts.unknown++;
      },
    );
    this.#done.catch(() => {}); // `stop` has the error
  }

  get counts(): MirrorLoadCounts {
    return { ...this.#counts };
  }

  /** Ends open transactions, and waits until the end of everything is known. */
  async stop(): Promise<MirrorLoadCounts> {
    this.#stop.abort();
    await within(this.#done, stopTimeoutMs, "told the end of all records");
    return this.counts;
  }

  /** Does not wait: the client is disposed of as well. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    return Promise.resolve();
  }

  async #run(session: RecordSession): Promise<void> {
    const { signal } = this.#stop;
    const { recordsPerSecond } = this.#options;
    let behindMs = 0;
    let lastMs = performance.now();
    while (!signal.aborted) {
      const nowMs = performance.now();
      behindMs = Math.min(behindMs + nowMs - lastMs, catchUpMs);
      lastMs = nowMs;
      const due = Math.floor(behindMs * recordsPerSecond / 1000);
      behindMs -= due * 1000 / recordsPerSecond;
      for (let at = 0; at < due && !signal.aborted; at++) {
        await this.#one(session);
      }
      await session.hand();
      await pause(sliceMs, signal);
    }
    for (let writer = 1; writer < this.#left.length; writer++) {
      if (this.#left[writer]! > 0) await this.#end(session, writer);
    }
  }

  async #one(session: RecordSession): Promise<void> {
    const random = this.#random;
    const topic = this.#topic();
    const record = topic.hasLogins
      ? this.#login()
      : loadedRecord(random, this.#counts.sent, {
        isCompacted: topic.isCompacted ?? false,
        largeShare: this.#options.largeShare ?? 0.0005,
        now: Date.now(),
      });
    const writer = random() < transactionalShare
      ? 1 + Math.floor(random() * transactionalWriters)
      : plain;
    if (writer !== plain && this.#left[writer] === 0) {
      if (!await this.#did(() => session.begin(writer))) return;
      this.#left[writer] = 1 + Math.floor(random() * mostRecordsInOne);
    }
    this.#counts.sent++;
    await session.send(writer, topic.name, record);
    if (writer === plain) return;
    this.#left[writer]!--;
    if (this.#left[writer] === 0) await this.#end(session, writer);
  }

  async #end(session: RecordSession, writer: number): Promise<void> {
    this.#left[writer] = 0;
    if (this.#random() < abortedShare) {
      if (await this.#did(() => session.abort(writer))) this.#counts.aborted++;
    } else if (await this.#did(() => session.commit(writer))) {
      this.#counts.committed++;
    }
  }

  async #did(step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      // Faults do that; the next transaction has a new producer.
      if (!(error instanceof StepError)) throw error;
      this.#counts.failed++;
      return false;
    }
  }

  #topic(): LoadTopic {
    const { topics } = this.#options;
    const weightOf = ({ weight = 1 }: LoadTopic) => weight;
    const all = topics.reduce((sum, each) => sum + weightOf(each), 0);
    let chance = this.#random() * all;
    return topics.find((each) => (chance -= weightOf(each)) < 0) ??
      topics.at(-1)!;
  }

  #login(): NewRecord {
    const id = this.#logins++;
    const { seed } = this.#options;
    const { key, value } = loginRecord(id, {
      seed,
      malformedShare,
      users: 1_000,
    });
    return { key, value, headers: [{ name: idName, value: String(id) }] };
  }
}
