/** What a promotion has found to be done, read by the pools of the new era. */
import { readDoneLog } from "../../../dr/failover/mod.ts";
import { other, type StateCluster } from "../../../dr/state/mod.ts";
import type { Library } from "../../kafka/mod.ts";
import type { DoneOutputs } from "../../pool/mod.ts";
import type { Assignment } from "./assignment.ts";

/** As `ReadDone`, by clients of the assignment's cluster. */
export type ReadDoneOn = (
  reached: StateCluster,
  assignment: Assignment,
  signal: AbortSignal,
) => Promise<DoneOutputs | null>;

/** @param group of the pool: those of others are none of its business. */
export const doneReader =
  (library: Library, group: string): ReadDoneOn =>
  async ({ admin, consumer }, { cluster, era }, signal) => {
    const flow = { source: other(cluster), target: cluster };
    const log = await readDoneLog({ library, flow, admin, consumer }, signal);
    const newest = log.newest();
    // A promotion that found nothing says so, too; others leave no such record.
    if (newest?.era !== era) return null;
    return newest.done.filter((each) => each.group === group);
  };
