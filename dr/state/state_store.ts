/**
 * The state of disaster recovery: which cluster is in use, and where a switch
 * between them stands. The secondary's copy counts and is written in
 * transactions (`session.ts`); the primary's is written afterwards, as well as
 * that can be done, for those who cannot reach the secondary.
 */
import { isServerFailure } from "../../src/kafka/mod.ts";
import { HISTORY_TOPIC, STATE_TOPIC } from "../formats/mod.ts";
import { RecordWriter } from "../cut/record_writer.ts";
import { Serial } from "../../src/pool/serial.ts";
import {
  type ChangeConditions,
  knownFrom,
  nextState,
  type Proposal,
} from "./change.ts";
import type { StateClusters } from "./cluster.ts";
import { encodeState } from "./codec.ts";
import { type Copies, type Copy, newerOf, readCopy } from "./copies.ts";
import { together, withDeadline } from "./deadline.ts";
import { asError, StateError } from "./errors.ts";
import { type FollowOptions, followStates } from "./follow.ts";
import { type History, readHistory } from "./history.ts";
import { PrimaryCopy } from "./primary_copy.ts";
import { logRange, PARTITION, readRange } from "./read_log.ts";
import { StateSession, type WriteOutcome } from "./session.ts";
import type { ClusterName, DrState } from "./types.ts";

/** Pure: it may be called again for what it decided on was out of date. */
export type Decide = (
  newest: DrState | null,
) => Proposal | null | Promise<Proposal | null>;

export interface ChangeOptions {
  /**
   * Changes though a copy cannot be read, or not wholly. The secondary must be
   * there in any case: it is what is written.
   */
  readonly force?: boolean;
  /**
   * With force, the highest epoch of both copies as they were followed: where the
   * secondary has that as its newest, the primary's is not read.
   */
  readonly followed?: number;
  /** Counts until something is written. */
  readonly signal: AbortSignal;
}

export type Change = {
  readonly kind: "changed";
  readonly state: DrState;
  /**
   * What became of the primary's copy: null, or why it was not written. It is
   * tried while the caller goes on, and never rejects.
   */
  readonly copied: Promise<Error | null>;
} | {
  /** It was decided to leave this as it is. */
  readonly kind: "unchanged";
  readonly state: DrState | null;
};

export interface StateTimings {
  /** Of a request to the secondary, and of reading its state. */
  readonly requestMs: number;
  /** Of reading a copy. */
  readonly readMs: number;
  /** Of reading the primary's copy where force makes it dispensable. */
  readonly forcedReadMs: number;
  /** Of writing the primary's copy. */
  readonly copyMs: number;
}

export const STATE_TIMINGS: StateTimings = {
  requestMs: 5_000,
  readMs: 3_000,
  forcedReadMs: 500,
  copyMs: 2_000,
};

export interface StateStoreOptions extends StateClusters {
  readonly timings?: StateTimings;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const NOT_ASKED: Copy = {
  kind: "failed",
  error: new Error("it was not asked"),
};

export class StateStore implements AsyncDisposable {
  readonly #options: StateStoreOptions;
  readonly #timings: StateTimings;
  readonly #now: () => number;
  readonly #serial = new Serial();
  readonly #copier: RecordWriter;
  readonly #primaryCopy: PrimaryCopy;
  readonly #copies = new Set<Promise<unknown>>();
  /** Kept after a change, so that the next one need not begin anew. */
  #session: StateSession | null = null;

  constructor(options: StateStoreOptions) {
    this.#options = options;
    this.#timings = options.timings ?? STATE_TIMINGS;
    this.#now = options.now ?? Date.now;
    this.#copier = new RecordWriter({
      library: options.library,
      properties: options.clusters.primary.producer,
      onEvent: options.onClientEvent,
    });
    this.#primaryCopy = new PrimaryCopy({
      library: options.library,
      primary: options.clusters.primary,
      write: (state, signal) => this.#writeCopy(state, signal),
    });
  }

  /** Both copies as they are now. @throws the signal's reason. */
  async read(
    signal: AbortSignal,
    { force = false }: Pick<ChangeOptions, "force"> = {},
  ): Promise<Copies> {
    const { forcedReadMs, readMs } = this.#timings;
    const [primary, secondary] = await Promise.all([
      this.#copyOn("primary", force ? forcedReadMs : readMs, signal),
      this.#copyOn("secondary", readMs, signal),
    ]);
    const newestOf = (copy: Copy) => copy.kind === "read" ? copy.newest : null;
    const newest = newerOf(newestOf(secondary), newestOf(primary));
    return { primary, secondary, newest };
  }

  /**
   * Changes the state as `decide` says, once all that was committed is known and
   * while nobody else can commit. Changes of one store run one after another.
   * @throws {StateError} what `decide` throws; the signal's reason.
   */
  change(decide: Decide, options: ChangeOptions): Promise<Change> {
    return this.#serial.run(() => this.#change(decide, options));
  }

  /**
   * What the secondary's copy says, taken from nobody: one request where nobody
   * has written since this store did.
   * @throws {StateError} `failed`; the signal's reason.
   */
  latest(signal: AbortSignal): Promise<DrState | null> {
    return this.#serial.run(async () => {
      const session = this.#session;
      if (await session?.isCurrent(signal)) return session!.log.newest;
      const { readMs } = this.#timings;
      const copy = await this.#copyOn("secondary", readMs, signal);
      if (copy.kind === "read") return copy.newest;
      throw new StateError("failed", copy.error.message, { cause: copy.error });
    });
  }

  /**
   * The states as they are committed, from whichever cluster can be read: first
   * the newest that the secondary knows, or the primary where the secondary is
   * not read in time, then each with a higher epoch than all before. Ends when
   * the signal aborts.
   */
  follow(
    signal: AbortSignal,
    options: FollowOptions = {},
  ): AsyncGenerator<DrState> {
    return followStates(this.#options, options, signal);
  }

  /**
   * Writes the state to the primary where its copy is behind.
   * @param state the newest that was followed
   * @throws as `PrimaryCopy.renew`, within the times of reading and writing it.
   */
  renewCopy(state: DrState, signal: AbortSignal): Promise<boolean> {
    const { copyMs, readMs } = this.#timings;
    return withDeadline(
      readMs + copyMs,
      "bring the state on the primary up to date",
      signal,
      (limited) => this.#primaryCopy.renew(state, limited),
    );
  }

  /**
   * The last changes, at most `limit`, oldest first.
   * @throws {RangeError} for a limit below 1; {StateError} `failed`; the signal's
   * reason.
   */
  async history(limit: number, signal: AbortSignal): Promise<History> {
    if (!(limit >= 1)) throw new RangeError(`limit ${limit} is below 1`);
    try {
      return await withDeadline(
        this.#timings.requestMs,
        "read the history",
        signal,
        (limited) => readHistory(this.#options, limit, limited),
      );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof StateError) throw error;
      const { message } = asError(error);
      throw new StateError("failed", `read the history: ${message}`, {
        cause: error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serial.run(() => this.#end());
    await Promise.all(this.#copies);
    await this.#copier[Symbol.asyncDispose]();
  }

  async #change(decide: Decide, options: ChangeOptions): Promise<Change> {
    options.signal.throwIfAborted();
    if (await this.#session?.isCurrent(options.signal)) {
      const change = await this.#attempt(decide, options);
      // Another has begun since: as if this one had not begun before.
      if (change !== null) return change;
    }
    await this.#end();
    const change = await this.#attempt(decide, options);
    if (change !== null) return change;
    throw new StateError(
      "fenced",
      "another has taken over the state in the middle of a change; nothing " +
        "was written here",
    );
  }

  /** Null: fenced. What has not succeeded leaves no session. */
  async #attempt(
    decide: Decide,
    { followed, force = false, signal }: ChangeOptions,
  ): Promise<Change | null> {
    const { forcedReadMs, readMs } = this.#timings;
    const begin = async (either: AbortSignal) =>
      this.#session ??= await this.#begin(either);
    // In the middle of a switch the time that this takes is dear.
    const isKnown = force && (
      this.#session?.hasWritten ||
      followed !== undefined &&
        (await begin(signal)).log.newest?.epoch === followed
    );
    const [session, primary] = await together(
      signal,
      begin,
      async (either) =>
        isKnown ? NOT_ASKED : await this.#copyOn(
          "primary",
          force ? forcedReadMs : readMs,
          either,
        ),
    );
    const known = knownFrom(session.log, primary);
    const proposal = await decide(known.newest);
    if (proposal === null) return { kind: "unchanged", state: known.newest };
    const conditions: ChangeConditions = { force, nowMs: this.#now() };
    const state = nextState(known, proposal, conditions);
    signal.throwIfAborted();
    const changeId = crypto.randomUUID();
    const outcome = await session.write(state, changeId);
    if (outcome.kind === "written") return this.#changed(state);
    await this.#end();
    switch (outcome.kind) {
      case "fenced":
        return null;
      case "failed":
        throw new StateError(
          "failed",
          `the state was not changed: ${outcome.error.message}`,
          { cause: outcome.error },
        );
      case "unsure":
        return await this.#resolve(outcome, state, changeId);
    }
  }

  /** Finds out whether a commit was carried out. */
  async #resolve(
    { error, isFenced }: WriteOutcome & { kind: "unsure" },
    state: DrState,
    changeId: string,
  ): Promise<Change | null> {
    const { clusters: { secondary }, library } = this.#options;
    let isWritten: boolean;
    try {
      const { signal } = new AbortController();
      // Decides what hangs; whoever has fenced us has done that already.
      if (!isFenced) this.#session = await this.#begin(signal);
      isWritten = await withDeadline(
        this.#timings.requestMs,
        "read the history",
        signal,
        async (limited) => {
          // The state's own topic may have been compacted since.
          const topic = HISTORY_TOPIC;
          const range = await logRange(secondary, topic, "written", limited);
          const records = readRange(library, secondary, topic, range, limited);
          let isFound = false;
          for await (const record of records) {
            isFound ||= record.changeId === changeId;
          }
          return isFound;
        },
      );
    } catch (cause) {
      throw new StateError(
        "unknown",
        `epoch ${state.epoch} may have been written or not (${error.message}; ` +
          `${asError(cause).message})`,
        { cause, perhaps: state },
      );
    }
    if (isWritten) return this.#changed(state);
    // A commit that meets another's initialisation may end so (Kafka 4.3.1:
    // "already a pending state PREPARE_EPOCH_FENCE", in the broker's log).
    if (isFenced || isServerFailure(error)) return null;
    throw new StateError(
      "failed",
      `the state was not changed: ${error.message}`,
      { cause: error },
    );
  }

  #changed(state: DrState): Change {
    const copied = this.#copy(state);
    this.#copies.add(copied);
    copied.then(() => this.#copies.delete(copied));
    return { kind: "changed", state, copied };
  }

  async #copy(state: DrState): Promise<Error | null> {
    try {
      await withDeadline(
        this.#timings.copyMs,
        "write the state to the primary",
        new AbortController().signal,
        (limited) => this.#writeCopy(state, limited),
      );
      return null;
    } catch (error) {
      return asError(error);
    }
  }

  #writeCopy(state: DrState, signal: AbortSignal): Promise<void> {
    const record = {
      ...encodeState(state),
      topic: STATE_TOPIC,
      partition: PARTITION,
    };
    return this.#copier.write([record], signal);
  }

  #begin(signal: AbortSignal): Promise<StateSession> {
    const { requestMs } = this.#timings;
    return StateSession.open({ ...this.#options, requestMs }, signal);
  }

  async #end(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.[Symbol.asyncDispose]();
  }

  #copyOn(
    name: ClusterName,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Copy> {
    const { clusters, library } = this.#options;
    const options = {
      library,
      cluster: clusters[name],
      upTo: "stable" as const,
    };
    return readCopy(options, name, timeoutMs, signal);
  }
}
