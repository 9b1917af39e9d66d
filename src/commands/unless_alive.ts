/** Keeps a failover by hand from leaving a primary that lives. */
import {
  FailoverError,
  type FailOverRequest,
  type OpenFailOver,
  type Stage,
  stageOf,
} from "../../dr/failover/mod.ts";
import type { DrState } from "../../dr/state/mod.ts";

/**
 * Whether the primary would be left from here on. A fence has done that, whatever
 * lives; a planned switch that has not come to its fence has not: there may be more
 * to mirror. Pure.
 */
export const leavesPrimary = (
  stage: Stage["kind"],
  newest: DrState | null,
): boolean =>
  stage === "begin" || stage === "resume" && newest?.phase !== "fencing";

/**
 * Where the primary has been left it goes on under that epoch, so that nothing new
 * is begun instead.
 * @throws {FailoverError} `refused`, where the primary would be left and answers;
 * as `OpenFailOver.newest`; the signal's reason.
 */
export async function unlessAlive(
  parts: Pick<OpenFailOver, "isLeftAlive" | "newest">,
  signal: AbortSignal,
): Promise<Pick<FailOverRequest, "epoch">> {
  const newest = await parts.newest(signal);
  const { kind } = stageOf(newest, "secondary");
  if (newest !== null && !leavesPrimary(kind, newest)) {
    return { epoch: newest.epoch };
  }
  if (!await parts.isLeftAlive(signal)) return {};
  throw new FailoverError(
    "refused",
    "the primary answers, so this was not begun. Records that are written " +
      "there from now on would stay there. If it is to be given up all the " +
      "same, stop its producers and pools, and run this again with --force",
  );
}
