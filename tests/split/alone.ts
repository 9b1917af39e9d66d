/**
 * A pool is alone with the primary while all others have lost it, so that they
 * move to the secondary and it does not hear of it.
 */
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import type { Job } from "../support/job.ts";
import { eventually } from "../support/wait.ts";
import { content, deadlineMs, type SplitWorld, topics } from "./world.ts";

const LOSERS = ["SENTINEL", "MIRROR", "OTHER"];
export const ALONE = { primary: LOSERS, secondary: ["POOL"] };

/** Two pools of one group at work, then the first one alone with the primary. */
export async function leaveAlone(
  world: SplitWorld,
  env: Readonly<Record<string, string>> = {},
) {
  const { pool, sentinel } = await world.atWork(env);
  const other = world.pool("OTHER", env);
  await other.logged("started");
  await Promise.all([pool, other].map((each) => each.consumed(100)));
  await content([sentinel]);

  for (const way of LOSERS) world.link("primary", way).hang();
  world.link("secondary", "POOL").hang();
  return { other, pool };
}

/**
 * When the other pool has made its first output there, by its clock. Clients are
 * there from then on.
 */
export async function firstMadeOnSecondary(
  world: SplitWorld,
  other: Job,
): Promise<number> {
  await other.logged(/switched to secondary/, deadlineMs);
  world.stray("secondary");
  const { clusterId } = await world.pair.target.admin.describeCluster({
    timeoutMs: deadlineMs,
  });
  return await eventually(async () => {
    const records = await world.clients.secondary.readTopic(topics.output, {
      isolation: "read_committed",
    });
    const times = records.filter(({ headers }) =>
      headers.some(({ name, value }) =>
        name === COORDINATES_HEADER && value !== null &&
        new TextDecoder().decode(value).startsWith(`${clusterId}/`)
      )
    ).map(({ timestampMs }) => timestampMs);
    return times.length > 0 ? Math.min(...times) : null;
  }, { what: "made on the secondary", timeoutMs: deadlineMs });
}
