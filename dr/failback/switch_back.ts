/**
 * The planned switch back to the primary, once the mirror back has caught up:
 *
 *     deny      only where it is asked for: clients are kept from the secondary
 *     drain     state: draining   pools rest, the mirror comes to the end
 *     fence     state: fencing    the mirror back stops
 *     seal ...  as a failover does, to the primary (dr/failover), and the lanes
 *               of the mirror from the primary are told where to go on
 *     promote   state: primary, steady, the next era
 */
import type { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import {
  Claim,
  type ClaimParts,
  type DrState,
  isWorkedIn,
} from "../state/mod.ts";
import {
  comeToRest,
  denyClients,
  expectFence,
  expectReady,
  type RestParts,
} from "./come_to_rest.ts";
import { FailbackError } from "./errors.ts";
import { type FailBackParts, step, type StepParts } from "./fail_back.ts";
import { orGiveUp } from "./give_up.ts";
import { stageOf } from "./stage.ts";

/** The second half, from the seal on, in the next era. */
export interface PromoteRequest {
  readonly reason: string;
  /** Of the state that is ours. */
  readonly epoch: number;
  readonly onClaimed: (epoch: number) => void;
  readonly spans: SpanRecorder | null;
}

export interface SwitchParts
  extends
    ClaimParts,
    RestParts,
    StepParts,
    Pick<FailBackParts, "giveUp" | "newest"> {
  /** Groups that would miss records at the switch, each with why. */
  readonly behind: (signal: AbortSignal) => Promise<readonly string[]>;
  /** @throws {OvertakenError} where another has gone on with it. */
  readonly promote: (
    request: PromoteRequest,
    signal: AbortSignal,
  ) => Promise<DrState>;
}

export interface SwitchRequest {
  readonly reason: string;
  /** Leaves groups behind that are not ready. */
  readonly isForced: boolean;
}

/**
 * From `catching-up`, or from wherever a switch stood. What cannot be brought to
 * its end is given up: everybody works on the secondary again.
 * @throws {FailbackError} `refused`: nothing was changed; `failed`.
 * @throws {OvertakenError} another's matter; the signal's reason.
 */
export async function switchBack(
  parts: SwitchParts,
  { isForced, reason }: SwitchRequest,
  signal: AbortSignal,
): Promise<DrState> {
  const stage = stageOf(await parts.newest(signal));
  switch (stage.kind) {
    case "nothing":
    case "refuse":
    case "recover":
      throw new FailbackError("refused", "the mirror back has not caught up");
    case "follow":
    case "switch":
      break;
  }
  const { state } = stage;
  if (state.phase === "reversing") {
    throw new FailbackError("refused", "the mirror back has not caught up");
  }
  await expectFence(parts, signal);
  if (state.phase === "catching-up") {
    const behind = isForced ? [] : await parts.behind(signal);
    if (behind.length > 0) {
      throw new FailbackError(
        "refused",
        `${behind.join("; ")}. Let them catch up, or leave them with --force`,
      );
    }
    await expectReady(parts, isForced, signal);
  }
  /** That of this run, the promotion's in the end. */
  let { epoch } = state;
  const onClaimed = (claimed: number) => void (epoch = claimed);
  const claim = new Claim({ ...parts, onClaimed }, state);
  return await orGiveUp(async () => {
    const phase = isWorkedIn(state.phase) ? "draining" : state.phase;
    // Of a run before this one, which may be at it still.
    await claim.set({ phase, reason }, signal);
    await denyClients(parts, claim, signal);
    if (phase === "draining") {
      const said = () => `epoch ${claim.state.epoch}, ${claim.state.phase}`;
      await step(
        parts,
        "drain",
        () => comeToRest(parts, claim, isForced, signal),
        said,
      );
      await step(
        parts,
        "fence",
        () => claim.set({ phase: "fencing" }, signal),
        said,
      );
    }
    return await parts.promote({
      reason,
      epoch,
      onClaimed,
      spans: parts.spans ?? null,
    }, signal);
  }, (why) => parts.giveUp(why, epoch));
}
