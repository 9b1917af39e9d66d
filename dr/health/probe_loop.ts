/**
 * Makes one probe again and again. An attempt that takes too long is left to
 * itself: its clients are thrown away and end in the background, and the next
 * attempt has new ones.
 */
import { pause, unlessAborted } from "../waits.ts";
import {
  isRefusal,
  outcomeOf,
  type ProbeOutcome,
  type ProbeResult,
  type ProbeSession,
} from "./probe.ts";

export interface ProbeTiming {
  /** From the beginning of an attempt to that of the next, in ms. */
  readonly everyMs: number;
  /** Of one attempt, in ms. */
  readonly timeoutMs: number;
}

export interface ProbeLoopOptions extends ProbeTiming {
  readonly open: () => ProbeSession;
  readonly told: (result: ProbeResult) => void;
  /** Any clock in ms that does not go back. */
  readonly now: () => number;
}

/** Sessions of earlier attempts that may be ending at the same time. */
const MOST_ENDING = 8;
/** Between two attempts, however long the first one took. */
const LEAST_PAUSE_MS = 10;

export class ProbeLoop implements AsyncDisposable {
  /** Rejects with a bug, never because of a cluster. */
  readonly ended: Promise<void>;
  readonly #options: ProbeLoopOptions;
  readonly #stop = new AbortController();
  readonly #ending = new Set<Promise<void>>();
  #session: ProbeSession | null;

  /**
   * Begins at once.
   * @throws {PropertyError} where the first clients cannot be made.
   */
  constructor(options: ProbeLoopOptions) {
    this.#options = options;
    this.#session = options.open();
    this.ended = this.#run();
    this.ended.catch(() => {}); // whoever awaits it has the error
  }

  /** Ends the attempt under way, and waits until all clients are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("the prober stops", "AbortError"));
    await this.ended.catch(() => {});
    this.#discard();
    await Promise.all(this.#ending);
  }

  async #run(): Promise<void> {
    const { everyMs, now, told } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const begunMs = now();
      const outcome = await this.#attempt();
      if (signal.aborted) return;
      const endedMs = now();
      told({ ...outcome, begunMs, endedMs });
      const leftMs = everyMs - (endedMs - begunMs);
      await pause(Math.max(LEAST_PAUSE_MS, leftMs), signal);
    }
  }

  async #attempt(): Promise<ProbeOutcome> {
    if (this.#ending.size >= MOST_ENDING) {
      return {
        kind: "inconclusive",
        why: `clients of ${MOST_ENDING} earlier attempts do not end: ` +
          "restart this process if that lasts",
      };
    }
    const session = this.#session ??= this.#options.open();
    const outcome = await this.#answer(session);
    if (outcome.kind !== "failed") return outcome;
    // What it told would else explain what fails much later.
    this.#discard();
    return explained(outcome, session);
  }

  async #answer(session: ProbeSession): Promise<ProbeOutcome> {
    const { timeoutMs } = this.#options;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(LATE), timeoutMs);
    const signal = AbortSignal.any([this.#stop.signal, late.signal]);
    try {
      return await unlessAborted(session.ask(signal), signal);
    } catch (error) {
      if (!signal.aborted) return outcomeOf(error);
      return { kind: "failed", why: `no answer within ${timeoutMs} ms` };
    } finally {
      clearTimeout(timer);
    }
  }

  #discard(): void {
    const session = this.#session;
    this.#session = null;
    if (session === null) return;
    const ending = Promise.resolve(session[Symbol.asyncDispose]())
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

const LATE = new DOMException("the attempt takes too long", "TimeoutError");

/** With what the clients told, which may change what it means. */
function explained(
  outcome: ProbeOutcome & { readonly kind: "failed" },
  { lastError }: ProbeSession,
): ProbeOutcome {
  if (lastError === null) return outcome;
  return {
    kind: isRefusal(lastError) ? "inconclusive" : "failed",
    why: `${outcome.why} (${lastError.message})`,
  };
}
