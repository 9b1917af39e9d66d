/** What a mirror shows of itself; plain data. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { DamageReport } from "../topics/mod.ts";
import type { LaneStatus } from "./lane.ts";

export type MirrorPhase =
  | "starting"
  | "running"
  | "failing"
  | "draining"
  | "stopped";

export interface MirrorStatus {
  readonly role: "mirror";
  readonly source: string;
  readonly target: string;
  readonly phase: MirrorPhase;
  /** Why it is failing. */
  readonly failure?: string | undefined;
  /** Those that this process has. */
  readonly lanes: readonly {
    readonly lane: number;
    readonly state: LaneStatus;
    readonly partitions: readonly (TopicPartition & {
      /** The next offset to be read. */
      readonly position: number;
      /** A damaged one is not. */
      readonly isMirrored: boolean;
    })[];
  }[];
  /** Since the process started. */
  readonly totals: { readonly mirrored: number; readonly bytes: number };
  readonly lag: {
    /** Offsets between the positions and the ends that fetches told. */
    readonly records: number;
    /** Of the newest mirrored record, while there is a lag; else 0. */
    readonly ageMs: number;
  };
  readonly damage: readonly DamageReport[];
  readonly topics: number;
}
