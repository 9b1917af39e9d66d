/** What probes are told of the pool. */
import type { PoolStatus } from "../pool/status.ts";

export interface Health {
  readonly ok: boolean;
  /** Why not. */
  readonly reason?: string;
}

/** Not alive: only a new process helps, so the supervisor should start one. */
export function liveness({ phase, failure }: PoolStatus): Health {
  return phase === "failing"
    ? { ok: false, reason: failure ?? "the pool is failing" }
    : { ok: true };
}

/** For `/status`: samples are users' data, and nobody says there who he is. */
export function shownStatus(status: PoolStatus): Omit<PoolStatus, "samples"> {
  const { samples: _, ...rest } = status;
  return rest;
}

/**
 * Ready: the pool runs, so does each of its workers, and the group has given it
 * its share, though that may rightly be nothing.
 */
export function readiness(status: PoolStatus): Health {
  const { phase, failure, isAssigned, workers } = status;
  switch (phase) {
    case "failing":
      return { ok: false, reason: failure ?? "the pool is failing" };
    case "starting":
    case "draining":
    case "switching":
    case "stopped":
      return { ok: false, reason: `the pool is ${phase}` };
    case "running": {
      if (!isAssigned) {
        return { ok: false, reason: "the group has not assigned partitions" };
      }
      const waiting = workers.filter(({ state }) => state !== "running");
      if (waiting.length === 0) return { ok: true };
      const states = waiting.map(({ id, state }) => `worker ${id} is ${state}`);
      return { ok: false, reason: states.join(", ") };
    }
  }
}
