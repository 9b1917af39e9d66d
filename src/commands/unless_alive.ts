/** Keeps a failover by hand from leaving a primary that lives. */
import {
  FailoverError,
  type FailOverRequest,
  type OpenFailOver,
  stageOf,
} from "../../dr/failover/mod.ts";

/**
 * A fence goes on whatever lives, and where the secondary is active nothing is to
 * do: under that epoch, so that nothing new is begun instead. A planned switch
 * that has not come to its fence is none of these: there may be more to mirror.
 * @throws {FailoverError} `refused`, where the primary would be left and answers;
 * as `OpenFailOver.newest`; the signal's reason.
 */
export async function unlessAlive(
  parts: Pick<OpenFailOver, "isLeftAlive" | "newest">,
  signal: AbortSignal,
): Promise<Pick<FailOverRequest, "epoch">> {
  const newest = await parts.newest(signal);
  const { kind } = stageOf(newest, "secondary");
  const isLeft = kind === "begin" ||
    kind === "resume" && newest?.phase !== "fencing";
  if (newest !== null && !isLeft) return { epoch: newest.epoch };
  if (!await parts.isLeftAlive(signal)) return {};
  throw new FailoverError(
    "refused",
    "the primary answers, so this was not begun. Records that are written " +
      "there from now on would stay there. If it is to be given up all the " +
      "same, stop its producers and pools, and run this again with --force",
  );
}
