/** What is known of one source partition of a lane. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { MirrorBeginning, Position } from "../../src/pool/protocol.ts";
import type { Run } from "../offset_map/mod.ts";
import type { DamageChecker, Evidence, Examinee } from "../topics/mod.ts";
import type { CheckedStart } from "./checked_assign.ts";
import type { LaneState } from "./lane_state.ts";
import type { SourceClient } from "./source_clients.ts";
import type { Stretch } from "./stretch.ts";

export interface LanePartition {
  readonly tp: TopicPartition;
  /** Of the topic that is mirrored. */
  readonly topicId: string;
  readonly epoch: number;
  /** The next offset to read; what lies below is on the target. */
  next: number;
  /** Whether it is fetched; a damaged one is not. */
  readonly isOpen: boolean;
  /** Whether fetching began below `next`, to compare the epoch of a record. */
  readonly isFetchedBelow: boolean;
  /** Whether the target knows that `next` belongs to `topicId`. */
  isRecorded: boolean;
  /** What the source had first when it was examined last; null: not known. */
  logStart: number | null;
}

/** A partition that was taken over, and is to be fetched. */
export interface TakenOver {
  readonly position: Position;
  readonly beginning: MirrorBeginning;
  readonly start: CheckedStart;
}

export interface PartitionsParts {
  readonly lane: number;
  readonly lanes: number;
  readonly state: LaneState;
  /**
   * Positions of eras before are recorded anew, since a snapshot of this one has
   * none of them; default 0.
   */
  readonly era?: number | undefined;
  readonly source: Omit<SourceClient, "release">;
  readonly checker: Pick<DamageChecker, "examine" | "verify">;
  /** See `describeStretches`. */
  readonly describe: (
    stretches: readonly Stretch[],
    signal: AbortSignal,
  ) => Promise<readonly (readonly Run[])[]>;
  /** By `topic-partition`: what was seen in an earlier life, until it is owned. */
  readonly doubts: Map<string, Evidence>;
  /** By the same: what it has had in any life; kept up here. */
  readonly known: Map<string, LanePartition>;
  /** A number that no other ownership of the process has. */
  readonly nextEpoch: () => number;
  /** Milliseconds, never going back; default `performance.now`. */
  readonly now?: () => number;
}

/** What was read is of no use; another look says what to do. */
export class TopicChangedError extends Error {
  override readonly name = "TopicChangedError";
}

/** Where a partition stands that the logs know. */
export interface Known extends Examinee {
  /** MirrorMaker 2 has gone on from where we were. */
  readonly isTheirs: boolean;
}

/** Where a partition goes on. */
export interface Start extends Pick<Known, "leaderEpoch" | "topicId"> {
  readonly tp: TopicPartition;
  readonly next: number;
  readonly isOpen: boolean;
  /** The lane's log does not say yet that it begins there. */
  readonly isUnrecorded: boolean;
  /** Null: not known. */
  readonly logStart: number | null;
  /** What is to be said of records that MirrorMaker 2 has mirrored. */
  readonly runs: readonly Run[];
  /** Where it is to be fetched from. */
  readonly from: CheckedStart;
}
