/** What a sentinel does once it has decided to fail over. */
import {
  failOver,
  FailoverError,
  openFailOver,
} from "../../dr/failover/mod.ts";
import { type GiveUpRequest, openFailBack } from "../../dr/failback/mod.ts";
import type { FailOver } from "../../dr/sentinel/mod.ts";
import { OvertakenError } from "../../dr/state/mod.ts";
import { NO_TAIL_CHOSEN, switchOptions } from "./failback_parts.ts";
import { failOverOptions } from "./failover_parts.ts";
import type { FailOverParts } from "./run_sentinel.ts";

/** @throws {PropertyError} where clients cannot be made, once it is called. */
export function sentinelFailOver(
  { clusters, library, log, settings }: FailOverParts,
): FailOver {
  /** The last decision, and the epoch under which it is carried out by us. */
  let ours = { decided: -1, epoch: -1 };
  return async ({ epoch: decided, givesUp, reason, to }, signal, spans) => {
    const epoch = ours.decided === decided ? ours.epoch : decided;
    const onClaimed = (claimed: number) => ours = { decided, epoch: claimed };
    if (givesUp) {
      await giveUp(
        { clusters, library, log, settings },
        { why: reason, epoch, onClaimed },
        signal,
      );
      return;
    }
    await using parts = openFailOver({
      ...failOverOptions(settings, brokersOf(clusters), to),
      library,
      onStep: ({ detail, ms, step }) =>
        log.info(`failover: ${step}`, { detail, ms: Math.round(ms) }),
      // On it was decided, by whoever follows both copies.
      followed: decided,
      log,
    });
    try {
      const outcome = await failOver(
        { ...parts, spans },
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
