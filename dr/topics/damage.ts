/**
 * What can have happened to a source partition behind the mirror's back (I7),
 * and what to do then: pure decisions on what was recorded and what is seen.
 *
 * What librdkafka 2.15.1 says of it, to a consumer with `assign` and
 * `auto.offset.reset=error` (read in its source, seen on Kafka 4.3.1):
 *
 * - Overtaken (retention, deleteRecords), or the log ends before the position
 *   at the moment of the fetch: `_AUTO_OFFSET_RESET` for the partition, which is
 *   fetched no more.
 * - Truncated while we consume: each new leader epoch makes it compare the
 *   epoch of its position (OffsetForLeaderEpoch): `_AUTO_OFFSET_RESET`, whose
 *   text names the end that the broker has for that epoch, also where the log
 *   has grown past the position again.
 * - Truncated while nobody consumed, grown again: SILENT, unless the position is
 *   given with the leader epoch of the record before it. `assign` compares that
 *   only when the client learns of the topic; `seek` always does.
 * - Deleted: no event, only lines in the log, and only after
 *   `topic.metadata.propagation.max.ms`.
 * - Re-created: the client takes the new topic id over ("FIXME: an offset reset
 *   must be triggered") and goes on at the position. A new log that is shorter is
 *   out of range at once; a longer one is read SILENTLY from the middle. Where the
 *   old topic's leader epoch was higher it asks for ever with that epoch: a SILENT
 *   stall.
 *
 * So the id is asked for before each commit (`DamageChecker.verify`), which the
 * silent reading cannot pass, and partitions are examined (`examine`) when a lane
 * is taken over, on any error of the fetch, and from time to time, because what
 * stalls never comes to a commit. What remains: a broker that is behind its
 * controller answers with an old id, so a commit may pass that long; the next
 * question finds it. An unclean election under a log that has grown past the
 * position shows in no offset; only the two reports of `Evidence` tell it.
 */
import {
  ErrorCode,
  type KafkaError,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { appliesTo, type TopicRule } from "./pattern.ts";

/** What the mirror knows of a source partition. */
export interface Recorded extends TopicPartition {
  readonly topicId: string;
  /** The next offset to read. */
  readonly position: number;
  /** Of the last record before `position`; null where nobody kept it. */
  readonly leaderEpoch: number | null;
}

/** Which topic a name stands for now. */
export type Identity =
  | { readonly kind: "present"; readonly topicId: string }
  | { readonly kind: "absent" }
  /** Nobody could say, or what was said is out of date; ask again. */
  | { readonly kind: "unknown"; readonly reason: string };

/** What a partition holds now, as its leader says. */
export type LogState =
  | KnownLog
  | { readonly kind: "unknown"; readonly reason: string };

export interface KnownLog {
  readonly kind: "known";
  readonly start: number;
  /** The high watermark. */
  readonly end: number;
  /** Of the leader that answered; null from old brokers. */
  readonly leaderEpoch: number | null;
}

/** What is seen of a source partition. */
export interface Observed {
  readonly identity: Identity;
  readonly log: LogState;
}

/** What reading the partition showed. */
export type Evidence =
  /** `endOffset`: of the last epoch that we and the log share; null: none. */
  | { readonly kind: "truncationReported"; readonly endOffset: number | null }
  /** The record at `offset` has a lower epoch than one before it. */
  | { readonly kind: "epochWentDown"; readonly offset: number }
  /** The log did not have the position when it was to be fetched. */
  | { readonly kind: "outOfRange" };

/** Offsets from `from` up to, and without, `to`; null: nobody can know. */
export interface OffsetRange {
  readonly from: number | null;
  readonly to: number | null;
}

export type Damage =
  /** `lost`: never reached the target. */
  | { readonly kind: "deleted"; readonly lost: OffsetRange }
  | {
    readonly kind: "recreated";
    /** Of the new topic; `lost` counts in the old one. */
    readonly topicId: string;
    readonly lost: OffsetRange;
  }
  /** `lost`: gone on the source; what we had read is still on the target. */
  | {
    readonly kind: "truncated";
    readonly lost: OffsetRange;
    readonly restartAt: number;
  }
  /** The same under a new leader, which had not all; or its disk was lost. */
  | {
    readonly kind: "uncleanElection";
    readonly lost: OffsetRange;
    readonly restartAt: number;
    readonly leaderEpoch: number;
  }
  /** Deleted before we read it. `lost` may hold fewer records than offsets. */
  | {
    readonly kind: "overtaken";
    readonly lost: OffsetRange;
    readonly restartAt: number;
  };

export type Verdict =
  | { readonly kind: "sound"; readonly log: KnownLog }
  | { readonly kind: "damaged"; readonly damage: Damage }
  /** Neither can be said now; ask again. */
  | { readonly kind: "unknown"; readonly reason: string };

export type DamagePolicy = "stop" | "restart";

export interface DamageRule extends TopicRule {
  readonly policy: DamagePolicy;
}

/** What the mirror does with a damaged partition. */
export type Remedy =
  | { readonly kind: "stop" }
  /** Goes on there, appending to the target what comes. */
  | {
    readonly kind: "restart";
    readonly topicId: string;
    readonly position: number;
    /** As in `Recorded`: what the log and we still share, if anything. */
    readonly leaderEpoch: number | null;
  };

export function judge(
  recorded: Recorded,
  { identity, log }: Observed,
  evidence: Evidence | null = null,
): Verdict {
  if (identity.kind === "unknown") return identity;
  const rest = { from: recorded.position, to: null };
  if (identity.kind === "absent") {
    return damaged({ kind: "deleted", lost: rest });
  }
  const { topicId } = identity;
  if (topicId !== recorded.topicId) {
    return damaged({ kind: "recreated", topicId, lost: rest });
  }
  if (log.kind === "unknown") return log;
  if ((log.leaderEpoch ?? Infinity) < (recorded.leaderEpoch ?? 0)) {
    // Its log may be behind the one that we read.
    return { kind: "unknown", reason: "a former leader answered" };
  }
  return judgeLog(recorded, log, evidence);
}

function judgeLog(
  { position, leaderEpoch }: Recorded,
  log: KnownLog,
  evidence: Evidence | null,
): Verdict {
  const truncated = (from: number | null, restartAt: number): Verdict => {
    const fields = {
      lost: { from, to: position },
      restartAt: Math.max(restartAt, log.start),
    };
    return leaderEpoch !== null && log.leaderEpoch !== null &&
        log.leaderEpoch > leaderEpoch
      ? damaged({
        kind: "uncleanElection",
        ...fields,
        leaderEpoch: log.leaderEpoch,
      })
      : damaged({ kind: "truncated", ...fields });
  };
  if (evidence?.kind === "truncationReported") {
    const known = evidence.endOffset;
    const at = Math.min(position, log.end, known ?? Infinity);
    return truncated(known === null ? null : at, at);
  }
  if (log.end < position) return truncated(log.end, log.end);
  if (evidence?.kind === "epochWentDown") return truncated(null, position);
  if (log.start > position) {
    return damaged({
      kind: "overtaken",
      lost: { from: position, to: log.start },
      restartAt: log.start,
    });
  }
  // A log's start never goes back, so it was the end that lay below.
  if (evidence?.kind === "outOfRange") return truncated(null, position);
  return { kind: "sound", log };
}

const damaged = (damage: Damage): Verdict => ({ kind: "damaged", damage });

/** The first rule for the topic; `stop` where there is none. */
export function policyFor(
  topic: string,
  rules: readonly DamageRule[],
): DamagePolicy {
  return rules.find((each) => appliesTo(each, topic))?.policy ?? "stop";
}

/**
 * What a policy makes of a damage. A deleted topic always stops: there is
 * nothing to read. If it comes back it is a re-created one.
 */
export function remedyFor(
  { topicId, leaderEpoch }: Pick<Recorded, "topicId" | "leaderEpoch">,
  damage: Damage,
  policy: DamagePolicy,
): Remedy {
  if (policy === "stop") return { kind: "stop" };
  switch (damage.kind) {
    case "deleted":
      return { kind: "stop" };
    case "recreated":
      return {
        kind: "restart",
        topicId: damage.topicId,
        position: 0,
        leaderEpoch: null,
      };
    case "truncated":
    case "uncleanElection":
      return {
        kind: "restart",
        topicId,
        position: damage.restartAt,
        // Where nobody knows what is lost nothing is known to be shared either.
        leaderEpoch: damage.lost.from === null ? null : leaderEpoch,
      };
    case "overtaken":
      return {
        kind: "restart",
        topicId,
        position: damage.restartAt,
        leaderEpoch: null,
      };
  }
}

/**
 * Whether the epoch of a record shows that the log was replaced before it.
 * @param last of the record before it; null: none is known.
 * @param epoch null from old brokers.
 */
export const isEpochBehind = (
  last: number | null,
  epoch: number | null,
): boolean => last !== null && epoch !== null && epoch < last;

const TRUNCATION =
  /^(?:.*: )?(?:Partition log truncation detected|No epoch found less or equal to) .*?broker end offset is (-?\d+)/;

/** Reads the evidence in what librdkafka says of a failed fetch; null: none. */
export function evidenceOf(
  error: Pick<KafkaError, "code" | "message">,
): Evidence | null {
  if (error.code !== ErrorCode.autoOffsetReset) return null;
  const [, endOffset] = TRUNCATION.exec(error.message) ?? [];
  return endOffset === undefined ? { kind: "outOfRange" } : {
    kind: "truncationReported",
    endOffset: Number(endOffset) < 0 ? null : Number(endOffset),
  };
}
