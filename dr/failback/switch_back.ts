/**
 * The planned switch back to the primary, once the mirror back has caught up:
 *
 *     drain     state: draining   pools rest, the mirror comes to the end
 *     fence     state: fencing    the mirror back stops
 *     seal ...  as a failover does, to the primary (dr/failover), and the lanes
 *               of the mirror from the primary are told where to go on
 *     promote   state: primary, steady, the next era
 */
import type { DrState } from "../state/mod.ts";
import { FailbackError } from "./errors.ts";
import {
  type FailBackParts,
  step,
  type StepReport,
  toPhase,
} from "./fail_back.ts";
import { stageOf } from "./stage.ts";

export interface SwitchParts
  extends Pick<FailBackParts, "change" | "newest" | "now" | "onStep"> {
  /** Groups that would miss records at the switch, each with why. */
  readonly behind: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Resolves when no group of the secondary has members. */
  readonly untilAllIdle: (signal: AbortSignal) => Promise<void>;
  /**
   * Resolves when all of the secondary is on the primary, and nobody writes.
   * @throws {FailbackError} where somebody goes on writing.
   */
  readonly untilQuiet: (signal: AbortSignal) => Promise<void>;
  /** Resolves when groups on the primary stand where they stood. */
  readonly untilReleased: (signal: AbortSignal) => Promise<number>;
  /** From the seal on, in the next era. */
  readonly promote: (
    reason: string,
    onStep: (report: StepReport) => void,
    signal: AbortSignal,
  ) => Promise<DrState>;
}

export interface SwitchRequest {
  readonly reason: string;
  /** Leaves groups behind that are not ready. */
  readonly isForced: boolean;
}

/**
 * From `catching-up`, or from wherever a switch stood.
 * @throws {FailbackError} `refused`: nothing was changed; `failed`.
 * @throws {StateError | KafkaError | ReadError | FailoverError} run it again, it
 * goes on there; the signal's reason.
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
  let { state } = stage;
  if (state.phase === "reversing") {
    throw new FailbackError("refused", "the mirror back has not caught up");
  }
  if (state.phase === "catching-up") {
    const behind = isForced ? [] : await parts.behind(signal);
    if (behind.length > 0) {
      throw new FailbackError(
        "refused",
        `${behind.join("; ")}. Let them catch up, or leave them with --force`,
      );
    }
    state = await toPhase(parts, state, "draining", reason, signal);
  }
  if (state.phase === "draining") {
    const begun = state;
    state = await step(parts, "drain", async () => {
      if (!isForced) await parts.untilAllIdle(signal);
      await parts.untilQuiet(signal);
      if (!isForced) await parts.untilReleased(signal);
      return begun;
    }, ({ epoch, phase }) => `epoch ${epoch}, ${phase}`);
    state = await step(
      parts,
      "fence",
      () => toPhase(parts, begun, "fencing", reason, signal),
      ({ epoch, phase }) => `epoch ${epoch}, ${phase}`,
    );
  }
  return await parts.promote(reason, parts.onStep, signal);
}
