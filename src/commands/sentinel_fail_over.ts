/** What a sentinel does once it has decided to fail over, and shortly before. */
import {
  failOver,
  FailoverError,
  type OpenFailOver,
  openFailOver,
} from "../../dr/failover/mod.ts";
import { type GiveUpRequest, openFailBack } from "../../dr/failback/mod.ts";
import type { FailOver } from "../../dr/sentinel/mod.ts";
import { type ClusterName, OvertakenError } from "../../dr/state/mod.ts";
import { NO_TAIL_CHOSEN, switchOptions } from "./failback_parts.ts";
import { failOverOptions } from "./failover_parts.ts";
import type { FailOverParts } from "./run_sentinel.ts";

/** Opened before it is decided, and perhaps never needed. */
interface Opened {
  readonly to: ClusterName;
  readonly parts: OpenFailOver;
  readonly stop: AbortController;
}

export class SentinelFailOver implements AsyncDisposable {
  readonly #parts: FailOverParts;
  /** The last decision, and the epoch under which it is carried out by us. */
  #ours = { decided: -1, epoch: -1 };
  #expected: Opened | null = null;
  readonly #closing = new Set<Promise<void>>();

  constructor(parts: FailOverParts) {
    this.#parts = parts;
  }

  /** See `SentinelOptions.expect`: clients connect, and read what they can. */
  readonly expect = (to: ClusterName | null): void => {
    if (to === (this.#expected?.to ?? null)) return;
    this.#forget();
    if (to !== null) this.#prepare(to);
  };

  /**
   * @throws {PropertyError} where clients cannot be made; as `failOver` and
   * `OpenFailBack.cancel`.
   */
  readonly failOver: FailOver = async (
    { epoch: decided, givesUp, reason, to },
    signal,
    spans,
  ) => {
    const { log } = this.#parts;
    const ours = this.#ours;
    const epoch = ours.decided === decided ? ours.epoch : decided;
    const onClaimed = (claimed: number) =>
      this.#ours = { decided, epoch: claimed };
    if (givesUp) {
      await giveUp(this.#parts, { why: reason, epoch, onClaimed }, signal);
      return;
    }
    await using parts = this.#take(to);
    try {
      const outcome = await failOver(
        {
          ...parts,
          change: (decide, its) =>
            parts.store.change(decide, {
              force: true,
              // On it was decided, by whoever follows both copies.
              followed: decided,
              signal: its,
            }),
          spans,
        },
        { to, reason, epoch, onClaimed },
        signal,
      );
      if (outcome.kind === "another") {
        log.info("another carries the failover on", { ...outcome.state });
      } else if (outcome.kind === "promoted" && outcome.problems.length > 0) {
        log.error("failed over, and must be seen to", {
          problems: outcome.problems,
        });
      }
    } catch (error) {
      // Another sentinel, or a person, has decided otherwise meanwhile.
      if (!(error instanceof FailoverError && error.kind === "refused")) {
        throw error;
      }
      log.info("does not fail over", { reason: error.message });
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    await Promise.all(this.#closing);
  }

  /** What fails is done again, or told, when it is needed. */
  #prepare(to: ClusterName): void {
    const failed = (error: unknown) =>
      this.#parts.log.debug("nothing is read ahead of a failover", { error });
    try {
      const stop = new AbortController();
      const opened = { to, parts: this.#open(to), stop };
      this.#expected = opened;
      opened.parts.readAhead(stop.signal).catch((error) => {
        failed(error);
        if (this.#expected === opened) this.#forget();
      });
    } catch (error) {
      failed(error);
    }
  }

  #open(to: ClusterName): OpenFailOver {
    const { clusters, library, log, settings } = this.#parts;
    return openFailOver({
      ...failOverOptions(settings, brokersOf(clusters), to),
      library,
      onStep: ({ detail, ms, step }) =>
        log.info(`failover: ${step}`, { detail, ms: Math.round(ms) }),
      log,
    });
  }

  #take(to: ClusterName): OpenFailOver {
    const expected = this.#expected;
    if (expected?.to !== to) return this.#open(to);
    this.#expected = null;
    return expected.parts;
  }

  #forget(): void {
    const expected = this.#expected;
    if (expected === null) return;
    this.#expected = null;
    expected.stop.abort(new Error("a failover is not expected any more"));
    const closing = Promise.resolve(expected.parts[Symbol.asyncDispose]());
    this.#closing.add(closing);
    closing.then(() => this.#closing.delete(closing));
  }
}

/** Of whoever began it, and does not say any more that it is at it. */
async function giveUp(
  { clusters, library, log, settings }: FailOverParts,
  request: GiveUpRequest,
  signal: AbortSignal,
): Promise<void> {
  const opening = switchOptions(settings, brokersOf(clusters), NO_TAIL_CHOSEN, {
    library,
    log,
    onProgress: () => {},
    onStep: () => {},
  });
  await using parts = openFailBack(opening);
  try {
    const state = await parts.cancel(request, signal);
    log.warn("gave a switch up", { ...state });
  } catch (error) {
    if (!(error instanceof OvertakenError)) throw error;
    log.info("another goes on with it", { ...error.state });
  }
}

const brokersOf = ({ primary, secondary }: FailOverParts["clusters"]) => ({
  primary: primary.brokers.join(","),
  secondary: secondary.brokers.join(","),
});
