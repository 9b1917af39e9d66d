/**
 * The right to write the state, which one has at a time:
 *
 *     initialise ──> read to the end ──> write ──> commit ──> write ──> ...
 *     (fences all    (nobody else can    (refused once another has initialised)
 *      others)        commit any more)
 *
 * Kafka has no compare-and-set. But as long as commits under the transactional
 * id succeed nobody else has initialised it since, so nobody else has written:
 * what was read then, and written here since, is all there is.
 */
import { isFencedProducer, KafkaError } from "../../src/kafka/mod.ts";
import { HISTORY_TOPIC, NAMESPACE, STATE_TOPIC } from "../formats/mod.ts";
import { Sender, transactional } from "../sender.ts";
import type { StateClusters } from "./cluster.ts";
import { encodeState } from "./codec.ts";
import { readStateLog, type StateLog } from "./copies.ts";
import { withDeadline } from "./deadline.ts";
import { asError, StateError } from "./errors.ts";
import { CHANGE_HEADER, logEnd, PARTITION } from "./read_log.ts";
import type { DrState } from "./types.ts";

/** All that write the state use this one, on the secondary. */
export const STATE_TRANSACTIONAL_ID = `${NAMESPACE}-state`;

/**
 * What became of a write. Not `written`: the session is of no use any more.
 * - `fenced` and `failed`: it was not committed, and cannot be any more.
 * - `unsure`: the commit was asked for, and its answer says nothing for certain:
 *   librdkafka repeats it by itself where a connection breaks, so even "fenced"
 *   may follow upon a commit that was carried out.
 */
export type WriteOutcome =
  | { readonly kind: "written" }
  | { readonly kind: "fenced" | "failed"; readonly error: Error }
  | {
    readonly kind: "unsure";
    readonly isFenced: boolean;
    readonly error: Error;
  };

export type SessionParts = StateClusters & {
  /** Of each request, and of reading. */
  readonly requestMs: number;
};

const ABORT_MS = 1_000;

export class StateSession implements AsyncDisposable {
  readonly #parts: SessionParts;
  readonly #sender: Sender;
  #log: StateLog;
  /** Where the state topic may end when all that it has is known here. */
  #ends: readonly number[];
  #hasWritten = false;

  private constructor(
    parts: SessionParts,
    sender: Sender,
    log: StateLog,
    ends: readonly number[],
  ) {
    this.#parts = parts;
    this.#sender = sender;
    this.#log = log;
    this.#ends = ends;
  }

  /**
   * Fences every other writer, aborts what one had open, and reads.
   * @throws {StateError} `failed`, or `fenced` by another that began just now;
   * the signal's reason.
   */
  static async open(
    parts: SessionParts,
    signal: AbortSignal,
  ): Promise<StateSession> {
    const { clusters: { secondary }, library, onClientEvent, requestMs } =
      parts;
    await using stack = new AsyncDisposableStack();
    const sender = stack.use(
      new Sender({
        library,
        properties: transactional(secondary.producer, STATE_TRANSACTIONAL_ID),
        onEvent: onClientEvent,
      }),
    );
    try {
      await sender.initTransactions(requestMs, signal);
      const { range, ...log } = await withDeadline(
        requestMs,
        "read the state of the secondary",
        signal,
        (limited) =>
          readStateLog(
            { library, cluster: secondary, upTo: "written" },
            limited,
          ),
      );
      const session = new StateSession(parts, sender, log, [range.end]);
      stack.move();
      return session;
    } catch (error) {
      signal.throwIfAborted();
      throw stateError(error);
    }
  }

  /** Whether `log` holds what this session wrote, which is above all copies. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  /** What the secondary's copy says. */
  get log(): StateLog {
    return this.#log;
  }

  /**
   * Whether nobody has written since. False also where that cannot be found out.
   * @throws the signal's reason.
   */
  async isCurrent(signal: AbortSignal): Promise<boolean> {
    const { clusters: { secondary }, requestMs } = this.#parts;
    try {
      const end = await withDeadline(
        requestMs,
        "ask for the end of the state",
        signal,
        (limited) => logEnd(secondary, STATE_TOPIC, "written", limited),
      );
      return this.#ends.includes(end);
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  /**
   * Writes the state and its history in one transaction. No signal ends it:
   * what is begun gets its outcome, or its time-out.
   */
  async write(state: DrState, changeId: string): Promise<WriteOutcome> {
    const { producer } = this.#sender;
    const { requestMs } = this.#parts;
    const never = new AbortController().signal;
    let offset: number | undefined;
    try {
      producer.beginTransaction();
      [offset] = await withDeadline(
        requestMs,
        "write the state",
        never,
        (limited) => this.#sender.send(recordsOf(state, changeId), limited),
      );
    } catch (error) {
      const reason = isFenced(error) ? error : await this.#abort(error);
      return {
        kind: isFenced(reason) ? "fenced" : "failed",
        error: asError(reason),
      };
    }
    try {
      await this.#sender.serving(producer.commitTransaction(requestMs), never);
    } catch (error) {
      return {
        kind: "unsure",
        isFenced: isFenced(error),
        error: asError(error),
      };
    }
    // The mark that the record is committed comes a little later than the
    // answer; whoever initialises the id waits for it.
    this.#ends = [offset! + 1, offset! + 2];
    this.#hasWritten = true;
    this.#log = { newest: state, offset: offset!, unreadable: [] };
    return { kind: "written" };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#sender[Symbol.asyncDispose]();
  }

  /**
   * So that readers need not wait until it is aborted for its age.
   * @returns why it failed: that of being fenced may show here only.
   */
  async #abort(reason: unknown): Promise<unknown> {
    const never = new AbortController().signal;
    try {
      await this.#sender.abortTransaction(ABORT_MS, never);
    } catch (error) {
      if (isFenced(error)) return error;
      if (!(error instanceof KafkaError)) throw error;
    }
    return reason;
  }
}

function recordsOf(state: DrState, changeId: string) {
  const headers = [{ key: CHANGE_HEADER, value: changeId }];
  return [STATE_TOPIC, HISTORY_TOPIC].map((topic) => ({
    ...encodeState(state),
    topic,
    partition: PARTITION,
    headers,
  }));
}

const isFenced = (error: unknown) =>
  error instanceof KafkaError && isFencedProducer(error.code);

function stateError(error: unknown): Error {
  if (error instanceof StateError) return error;
  return new StateError(
    isFenced(error) ? "fenced" : "failed",
    `the state cannot be changed: ${asError(error).message}`,
    { cause: error },
  );
}
