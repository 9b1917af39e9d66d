/** Carries out what was decided, one switch at a time. */
import type { Log } from "../../src/telemetry/log.ts";
import {
  recorded,
  type SpanRecorder,
} from "../../src/telemetry/span_recorder.ts";
import { withDeadline } from "../state/deadline.ts";
import { pause } from "../waits.ts";
import type { Switch } from "./decide.ts";

/** A switch that is being carried out. */
export interface Switching extends Switch {
  /** The one under way included. */
  readonly attempts: number;
  /** Why the one before ended; null: it is the first. */
  readonly failure: string | null;
}

/**
 * Moves everybody, or gives a switch up. The decision holds for its epoch alone:
 * unless the newest state still has that, or this switch is what has changed it,
 * nothing is done. Called again it goes on where it stood; several sentinels may
 * call it at once.
 * It resolves when the switch is over, or another's matter.
 * @throws where it could not be begun or brought to its end; the signal's reason.
 */
export type FailOver = (
  decision: Switch,
  signal: AbortSignal,
  /** Of the attempt; null: nobody takes spans. */
  spans: SpanRecorder | null,
) => Promise<void>;

export interface SwitcherOptions {
  readonly failOver: FailOver;
  /**
   * Whether the switch has begun and is not over. Then it must be brought to its
   * end; until then the next decision may be another one.
   */
  readonly isUnderWay: (decision: Switch) => boolean;
  readonly log: Log;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
}

const AGAIN_MS = { first: 1_000, most: 10_000 } as const;
/** Without strict leases a failover takes a second; others carry on the rest. */
const FINISH_MS = 5_000;
/** Of one attempt. */
const GIVE_UP_MS = 60_000;

export class Switcher implements AsyncDisposable {
  readonly #options: SwitcherOptions;
  readonly #stop = new AbortController();
  #current: Switching | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SwitcherOptions) {
    this.#options = options;
  }

  /** What is being carried out; null: nothing. */
  get current(): Switching | null {
    return this.#current;
  }

  /** Nothing is done while a switch is carried out. */
  begin(decision: Switch): void {
    if (this.#current !== null || this.#stop.signal.aborted) return;
    this.#current = { ...decision, attempts: 1, failure: null };
    this.#running = this.#run(decision);
  }

  /** Lets a switch that is carried out come to its end, for a while. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), FINISH_MS);
    try {
      await this.#running;
    } finally {
      clearTimeout(timer);
      this.#stop.abort();
    }
  }

  async #run(decision: Switch): Promise<void> {
    const { failOver, isUnderWay, log, spans } = this.#options;
    const { signal } = this.#stop;
    const { epoch, givesUp, reason, to } = decision;
    const what = givesUp ? "gives up a switch from" : "fails over to";
    log.warn(`${what} the ${to}`, { reason, epoch });
    for (let attempts = 1;;) {
      try {
        const about = {
          name: givesUp ? "sentinel gives up" : "sentinel fails over",
          attributes: {
            "switchyard.cluster": to,
            "switchyard.epoch": epoch,
            "switchyard.reason": reason,
            "switchyard.attempt": attempts,
          },
        };
        const work = (its: AbortSignal) =>
          recorded(spans, about, (within) => failOver(decision, its, within));
        // Else it would hold up the failover that a dead cluster needs.
        await (givesUp
          ? withDeadline(GIVE_UP_MS, "give a switch up", signal, work)
          : work(signal));
        log.info("has nothing more to do for the switch", { to, epoch });
        break;
      } catch (error) {
        if (signal.aborted) break;
        // Also a bug: whoever ends here leaves everybody in the middle.
        log.error("the switch did not come to its end", {
          to,
          epoch,
          attempts,
          error,
        });
        attempts++;
        const failure = error instanceof Error ? error.message : String(error);
        this.#current = { ...decision, attempts, failure };
        const againMs = AGAIN_MS.first * (attempts - 1);
        await pause(Math.min(againMs, AGAIN_MS.most), signal);
      }
      if (!isUnderWay(decision) || signal.aborted) break;
    }
    this.#current = null;
  }
}
