/** What a promotion has found to be done, read by the pools of the new era. */
import { readDoneLog } from "../../../dr/failover/mod.ts";
import type { ClusterClients } from "../../../dr/clusters.ts";
import { type ClusterName, other } from "../../../dr/state/mod.ts";
import { Admin, type Library } from "../../kafka/mod.ts";
import type { ReadDone } from "./session.ts";

/** The end of the topic is a marker, of which a fetch that waits tells late. */
const PROMPT_FETCH = { "fetch.wait.max.ms": 20 } as const;

/** @param group of the pool: those of others are none of its business. */
export const doneReader = (
  library: Library,
  clusters: Readonly<Record<ClusterName, ClusterClients>>,
  group: string,
): ReadDone =>
async ({ cluster, era }, signal) => {
  const { admin: properties, consumer: own } = clusters[cluster];
  const consumer = { ...own, ...PROMPT_FETCH };
  await using admin = new Admin(library, properties);
  const flow = { source: other(cluster), target: cluster };
  const log = await readDoneLog({ library, flow, admin, consumer }, signal);
  const newest = log.newest();
  // A promotion that found nothing says so, too; others leave no such record.
  if (newest?.era !== era) return null;
  return newest.done.filter((each) => each.group === group);
};
