/**
 * The planned switch of a primary that lives to the secondary: nothing is lost, and
 * nothing is to be replayed.
 *
 *     deny      only where it is asked for: clients are kept from the primary
 *     rest      state: draining   pools rest, the mirror comes to the end
 *     fence ... as a failover does (dr/failover), and nothing may be unknown
 *
 * What cannot be brought to its end is given up: everybody works on the primary
 * again. If the primary is lost meanwhile sentinels fail over from there.
 */
import {
  type FailOverOutcome,
  type Stage,
  stageOf,
} from "../failover/fail_over.ts";
import {
  Claim,
  type ClaimParts,
  type DrState,
  insist,
  OvertakenError,
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
import type { PromoteRequest } from "./switch_back.ts";

export interface SwitchOverParts
  extends
    ClaimParts,
    RestParts,
    StepParts,
    Pick<FailBackParts, "giveUp" | "newest"> {
  /** Of the mirror; null: none has run. Sees that a state can be written. */
  readonly lanes: (signal: AbortSignal) => Promise<number | null>;
  readonly promote: (
    request: PromoteRequest,
    signal: AbortSignal,
  ) => Promise<FailOverOutcome>;
}

/**
 * @throws {FailbackError} `refused`: nothing was changed; `failed`.
 * @throws {OvertakenError} another's matter; the signal's reason.
 */
export async function switchOver(
  parts: SwitchOverParts,
  reason: string,
  signal: AbortSignal,
): Promise<FailOverOutcome> {
  const newest = await parts.newest(signal);
  const stage = expectMine(stageOf(newest, "secondary"));
  if (stage.kind === "already") return { kind: "already", state: newest };
  const lanes = await parts.lanes(signal);
  if (lanes === null) {
    throw new FailbackError("refused", "no mirror to the secondary has run");
  }
  await expectFence(parts, signal);
  if (stage.kind === "begin") await expectReady(parts, false, signal);
  const state = await begin(parts, newest, lanes, reason, signal);
  if (state.active === "secondary") return { kind: "already", state };
  /** That of this run, the promotion's in the end. */
  let { epoch } = state;
  const onClaimed = (claimed: number) => void (epoch = claimed);
  const claim = new Claim({ ...parts, onClaimed }, state);
  return await orGiveUp(async () => {
    await denyClients(parts, claim, signal);
    if (state.phase === "draining") {
      await step(
        parts,
        "rest",
        () => comeToRest(parts, claim, false, signal),
        () => `epoch ${claim.state.epoch}, ${claim.state.phase}`,
      );
    }
    const outcome = await parts.promote({
      reason,
      epoch,
      onClaimed,
      spans: parts.spans ?? null,
    }, signal);
    if (outcome.kind === "another") throw new OvertakenError(outcome.state);
    return outcome;
  }, (why) => parts.giveUp(why, epoch));
}

type Mine = Exclude<Stage, { readonly kind: "refuse" }>;

function expectMine(stage: Stage): Mine {
  if (stage.kind !== "refuse") return stage;
  throw new FailbackError("refused", stage.reason);
}

/** Begins, or takes over from a run before this one, which may be at it still. */
async function begin(
  parts: ClaimParts,
  seen: DrState | null,
  lanes: number,
  reason: string,
  signal: AbortSignal,
): Promise<DrState> {
  const { state } = await insist(parts.change, (newest) => {
    const stage = expectMine(stageOf(newest, "secondary"));
    switch (stage.kind) {
      case "already":
        return null;
      case "resume":
        return { ...stage.state, lanes };
      case "begin": {
        // Whether it may be begun was asked of that state.
        if (newest?.epoch !== seen?.epoch) throw new OvertakenError(newest);
        const { active, era } = stage.from;
        return { active, era, lanes, phase: "draining", reason };
      }
    }
  }, signal);
  return state!;
}
