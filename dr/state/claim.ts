/**
 * Who carries a switch on. Whoever begins or takes over writes the state, so the
 * epoch names the one that does; who sees another epoch ends.
 *
 *     write (epoch 8) ──> step ──> still 8? ──> step ──> still 8? ──> write
 *                          │ takes long: write it again (9, 10, ...)
 *
 * So of several one gets on, and a state that is not young (`ABANDONED_MS`) is
 * nobody's any more.
 */
import { pause } from "../waits.ts";
import type { Proposal } from "./change.ts";
import { StateError } from "./errors.ts";
import { insist, isWritten } from "./insist.ts";
import type { Change, Decide } from "./state_store.ts";
import type { DrState } from "./types.ts";

/** Another has changed the state since. */
export class OvertakenError extends Error {
  override readonly name = "OvertakenError";
  /** As it is now. */
  readonly state: DrState | null;

  constructor(state: DrState | null) {
    super(
      state === null
        ? "the state is gone; look at it"
        : `another has changed the state meanwhile (epoch ${state.epoch}: the ` +
          `${state.active} is active, ${state.phase}), so this one ended; ` +
          "deno task status tells",
    );
    this.state = state;
  }
}

export interface ClaimParts {
  readonly change: (decide: Decide, signal: AbortSignal) => Promise<Change>;
  /** The newest; it takes the state from nobody. */
  readonly latest: (signal: AbortSignal) => Promise<DrState | null>;
  /**
   * Told each epoch under which it is ours, the first one included: whoever begins
   * anew, or gives up, names the last. Default: nobody wants to know.
   */
  readonly onClaimed?: ((epoch: number) => void) | undefined;
}

/** In the middle of a step; a fraction of `ABANDONED_MS`. */
const RENEW_MS = 10_000;
/** A switch whose state was not written for so long is carried on by nobody. */
export const ABANDONED_MS = 30_000;

export class Claim {
  readonly #parts: ClaimParts;
  readonly #renewMs: number;
  #state: DrState;
  /** As what it may have been renewed without our knowing. */
  #perhaps: DrState | null = null;

  /** @param state that this one has written, or begins from. */
  constructor(parts: ClaimParts, state: DrState, renewMs = RENEW_MS) {
    this.#parts = parts;
    this.#renewMs = renewMs;
    this.#state = this.#take(state);
  }

  get state(): DrState {
    return this.#state;
  }

  /**
   * Carries out one step, and says that somebody does.
   * @throws {OvertakenError} once another has changed the state; the work's signal
   * aborts with it. What the work throws; the signal's reason.
   */
  async hold<T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const ended = new AbortController();
    const lost = new AbortController();
    const renewing = this.#renew(AbortSignal.any([signal, ended.signal]), lost);
    let result: T;
    try {
      result = await work(AbortSignal.any([signal, lost.signal]));
    } catch (error) {
      // What was broken off for that says so in its own words.
      lost.signal.throwIfAborted();
      throw error;
    } finally {
      ended.abort();
      await renewing;
    }
    lost.signal.throwIfAborted();
    await this.expect(signal);
    return result;
  }

  /**
   * Whether it is ours still; where that cannot be found out it counts as such,
   * since the next change finds it out.
   * @throws {OvertakenError}; the signal's reason.
   */
  async expect(signal: AbortSignal): Promise<void> {
    let newest: DrState | null;
    try {
      newest = await this.#parts.latest(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StateError)) throw error;
      return;
    }
    this.#expectOurs(newest);
  }

  /**
   * Changes what is ours.
   * @throws {OvertakenError | StateError}; the signal's reason.
   */
  async set(
    next: Partial<Proposal>,
    signal: AbortSignal,
  ): Promise<DrState> {
    const proposal = proposalOf({ ...this.#state, ...next });
    const { state } = await insist(this.#parts.change, (newest, perhaps) => {
      if (isWritten(newest, perhaps)) return null;
      this.#expectOurs(newest);
      return proposal;
    }, signal);
    return this.#take(state!);
  }

  #expectOurs(newest: DrState | null): void {
    if (newest?.epoch === this.#state.epoch) return;
    if (!isWritten(newest, this.#perhaps)) throw new OvertakenError(newest);
    this.#take(newest!);
  }

  #take(state: DrState): DrState {
    this.#parts.onClaimed?.(state.epoch);
    return this.#state = state;
  }

  async #renew(ended: AbortSignal, lost: AbortController): Promise<void> {
    for (;;) {
      await pause(this.#renewMs, ended);
      if (ended.aborted) return;
      try {
        const { state } = await this.#parts.change((newest) => {
          this.#expectOurs(newest);
          return proposalOf(this.#state);
        }, ended);
        this.#take(state!);
      } catch (error) {
        // The secondary does not answer: the work meets that as well.
        if (error instanceof StateError) {
          this.#perhaps = error.perhaps ?? this.#perhaps;
        } else if (!ended.aborted) return lost.abort(error);
      }
    }
  }
}

const proposalOf = (
  { active, era, lanes, phase, reason }: Proposal,
): Proposal => ({ active, era, lanes, phase, reason });
