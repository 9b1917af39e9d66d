/** Waits until nobody works in the name of some groups. */
import type { Admin } from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import type { ClusterName } from "../state/mod.ts";
import { untilNothingMissing } from "./until_nothing_missing.ts";

/** Pools follow the state within some seconds, and then finish what they have. */
const PATIENCE_MS = 60_000;
const REQUEST_MS = 10_000;

export interface IdleParts {
  readonly admin: Pick<Admin, "groups">;
  /** The admin's. */
  readonly cluster: ClusterName;
  /** How long pools may take to finish, beside what all may take. */
  readonly drainMs: number;
}

/**
 * A group without members commits nothing any more: whoever was one is fenced by
 * its generation.
 * @throws {FailbackError} where one still has members, or its coordinator does
 * not tell, a minute after pools must have finished.
 * @throws {KafkaError} where the cluster does not answer; the signal's reason.
 */
export async function untilIdle(
  { admin, cluster, drainMs }: IdleParts,
  groups: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let left = groups;
  await untilNothingMissing(PATIENCE_MS + drainMs, async () => {
    if (left.length === 0) return null;
    const answers = await askRepeatedly(
      () => admin.groups.describe(left, { timeoutMs: ATTEMPT_MS, signal }),
      REQUEST_MS,
      signal,
    );
    const open = answers.flatMap(({ error, groupId, members }) => {
      if (error !== null) return [{ groupId, why: error.message }];
      // One that is not there has no members.
      return members.length === 0 ? [] : [{ groupId, why: "has members" }];
    });
    left = open.map(({ groupId }) => groupId);
    if (left.length === 0) return null;
    const told = open.map(({ groupId, why }) => `${groupId} (${why})`);
    return `still not known to be at rest: ${told.join(", ")}; stop what ` +
      `works in these names on the ${cluster}`;
  }, signal);
}
