/** A pool that has nothing to do, but for what a test says. */
import {
  NO_TOTALS,
  NO_WORK,
  type PoolStatus,
  type WorkerStatus,
} from "../../src/pool/status.ts";

export const poolStatus = (more: Partial<PoolStatus> = {}): PoolStatus => ({
  ...NO_WORK,
  phase: "running",
  isAssigned: true,
  lag: 0,
  partitions: [],
  workers: [],
  samples: [],
  ...more,
});

export const workerStatus = (
  id: number,
  more: Partial<WorkerStatus> = {},
): WorkerStatus => ({
  id,
  state: "running",
  partitions: [],
  totals: NO_TOTALS,
  pendingRecords: 0,
  utilization: { records: 0, bytes: 0 },
  heapBytes: 0,
  stalledMs: 0,
  ...more,
});
