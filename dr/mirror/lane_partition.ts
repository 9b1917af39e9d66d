/** What is known of one source partition of a lane. */
import type { Consumer, TopicPartition } from "../../src/kafka/mod.ts";
import type { MirrorBeginning, Position } from "../../src/pool/protocol.ts";
import type { Run } from "../offset_map/mod.ts";
import type { DamageChecker, Evidence, Examinee } from "../topics/mod.ts";
import type { CheckedStart } from "./checked_assign.ts";
import type { LaneState } from "./lane_state.ts";
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
  /** Of the topic that had the name when it was judged; null: none had. */
  readonly seenId: string | null;
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
  /** Of the source. */
  readonly consumer: Consumer;
  readonly checker: Pick<DamageChecker, "examine" | "reports" | "verify">;
  /** See `describeStretches`. */
  readonly describe: (
    stretches: readonly Stretch[],
    signal: AbortSignal,
  ) => Promise<readonly (readonly Run[])[]>;
  /** By `topic-partition`: what was seen in an earlier life; taken over here. */
  readonly doubts: Map<string, Evidence>;
  /** A number that no other ownership of the process has. */
  readonly nextEpoch: () => number;
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

export interface Start
  extends Pick<Known, "isTheirs" | "leaderEpoch" | "topicId"> {
  readonly tp: TopicPartition;
  readonly next: number;
  readonly isOpen: boolean;
  /** The lane's log does not say yet that it begins there. */
  readonly isUnrecorded: boolean;
  readonly seenId: string | null;
}
