/**
 * The first half of a planned switch, in either direction: everybody rests, and
 * the mirror comes to the end of what there is. What it does on the clusters is
 * injected.
 */
import { type Fence, keepAway } from "../denials.ts";
import type { Claim } from "../state/mod.ts";
import { FailbackError } from "./errors.ts";
import { step, type StepParts } from "./fail_back.ts";

/** Of the cluster that is left, and of the mirror from it. */
export interface RestParts {
  /** Groups in which others than ours work, each with whom. */
  readonly strangers: (signal: AbortSignal) => Promise<readonly string[]>;
  /** @throws {FailbackError} `refused`, where the mirror does not keep up. */
  readonly expectMirrored: (signal: AbortSignal) => Promise<void>;
  /** Resolves when no group has members. */
  readonly untilAllIdle: (signal: AbortSignal) => Promise<void>;
  /**
   * Resolves when all that is to be mirrored is there, and nobody writes.
   * @throws {FailbackError} where somebody goes on writing.
   */
  readonly untilQuiet: (signal: AbortSignal) => Promise<void>;
  /** Resolves when groups stand on the other cluster where they stood. */
  readonly untilReleased: (signal: AbortSignal) => Promise<number>;
  /** See `while_alive.ts`; of the primary, which every switch needs. */
  readonly whileAlive: <T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ) => Promise<T>;
  /** Default: null, nobody is to be kept from the cluster. */
  readonly fence?: Fence | null;
}

/**
 * To be asked before anything is written.
 * @throws {FailbackError} `refused`
 */
export async function expectFence(
  { fence }: Pick<RestParts, "fence">,
  signal: AbortSignal,
): Promise<void> {
  const obstacle = await fence?.obstacle(signal) ?? null;
  if (obstacle !== null) throw new FailbackError("refused", obstacle);
}

/**
 * To be asked before anybody rests.
 * @param isForced does not look at groups
 * @throws {FailbackError} `refused`
 */
export async function expectReady(
  parts: RestParts,
  isForced: boolean,
  signal: AbortSignal,
): Promise<void> {
  // Who is kept away leaves, and nobody tells which members these are.
  const strangers = isForced || parts.fence != null
    ? []
    : await parts.strangers(signal);
  if (strangers.length > 0) {
    throw new FailbackError(
      "refused",
      `${strangers.join("; ")}: they do not leave by themselves. Stop them, ` +
        "and run it again",
    );
  }
  await parts.expectMirrored(signal);
}

/**
 * Step `deny`, where anybody is to be kept from the cluster.
 * @throws as `keepAway`.
 */
export async function denyClients(
  parts: Pick<RestParts, "fence"> & StepParts,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const { fence = null } = parts;
  if (fence === null) return;
  await step(
    parts,
    "deny",
    () => keepAway(fence, claim, signal),
    () => fence.principals.join(", "),
  );
}

/**
 * Each of the waits ends where nothing gets on any more.
 * @throws {FailbackError | OvertakenError}
 */
export async function comeToRest(
  parts: RestParts,
  claim: Claim,
  isForced: boolean,
  signal: AbortSignal,
): Promise<void> {
  await claim.hold((ours) =>
    parts.whileAlive(async (its) => {
      if (!isForced) await parts.untilAllIdle(its);
      await parts.untilQuiet(its);
      if (!isForced) await parts.untilReleased(its);
    }, ours), signal);
}
