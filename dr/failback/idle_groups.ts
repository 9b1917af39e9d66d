/** Waits until nobody works in the name of some groups. */
import type { Admin } from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import { pause } from "../waits.ts";
import { FailbackError } from "./errors.ts";

/** Pools follow the state within some seconds. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 200;
const REQUEST_MS = 10_000;

/**
 * A group without members commits nothing any more: whoever was one is fenced by
 * its generation.
 * @throws {FailbackError} where one still has members after a minute.
 * @throws {KafkaError} where the cluster does not answer; the signal's reason.
 */
export async function untilIdle(
  admin: Pick<Admin, "groups">,
  groups: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (let left = groups; left.length > 0;) {
    const asked = left;
    const answers = await askRepeatedly(
      () => admin.groups.describe(asked, { timeoutMs: ATTEMPT_MS, signal }),
      REQUEST_MS,
      signal,
    );
    // One that is not there has no members.
    left = answers.filter(({ members }) => members.length > 0)
      .map(({ groupId }) => groupId);
    if (left.length === 0) return;
    if (performance.now() > deadlineMs) {
      throw new FailbackError(
        "failed",
        `${left.join(", ")} still have members; stop what works in their ` +
          "names on the secondary, and run it again",
      );
    }
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}
