/**
 * What the coordinator and a worker thread say to one another. An `epoch` names
 * one ownership of one partition: it is never used twice in a process, and what
 * arrives under an old one is ignored.
 */
import type { DelayTopic } from "../config/delays.ts";
import type { InboxPort, ProducerPort, TopicPartition } from "../kafka/mod.ts";
import type { RetryPolicy } from "../../workers/retry.ts";
import type { LogLine } from "../telemetry/log.ts";
import type { Span, SpanContext, Tracing } from "../telemetry/spans.ts";
import type { KeptOutputs } from "./kept_outputs.ts";
import type { OffsetRanges } from "./offset_ranges.ts";
import type { Sample } from "./status.ts";

export type { DelayTopic };

export interface Ownership {
  readonly tp: TopicPartition;
  readonly epoch: number;
}

/** An ownership and the next offset that was not settled under it. */
export interface Position extends Ownership {
  readonly next: number;
  /** What is settled above `next`; empty where records settle in order. */
  readonly beyond: OffsetRanges;
  /** Nobody has written down yet that it begins there. */
  readonly isUnrecorded?: boolean;
  /**
   * The topic's id when the partition was assigned, as Kafka prints it; absent:
   * nobody has asked.
   */
  readonly topicId?: string;
}

/** An ownership as it stands in its worker. */
export interface Owned extends Ownership {
  /** First offset that is not settled. */
  readonly next: number;
  /** As in `Position`. */
  readonly topicId: string | undefined;
}

/** Where a partition stands that a worker has given back. */
export interface Released extends Position {
  /**
   * The worker has given it back by itself, because its next record must not be
   * handled before this time, in ms since the epoch.
   */
  readonly notBeforeMs?: number;
}

/** An input that is to become a dead letter, because of what came of it. */
export interface RefusedInput {
  readonly tp: TopicPartition;
  readonly offset: number;
  readonly reason: string;
  /** Whether the dead letter may hold the value. */
  readonly withValue: boolean;
}

/** Limits of one worker; together with the base they are the memory budget. */
export interface WorkerLimits {
  readonly batchRecords: number;
  /** Records fetched and not settled. */
  readonly pendingRecords: number;
  /** Bytes fetched and not settled, plus bytes produced and not acknowledged. */
  readonly pendingBytes: number;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number;
}

/** How long a transaction may become; whatever is reached first. */
export interface TransactionLimits {
  readonly intervalMs: number;
  /** The same where commits take long, see `workers/commit_pace.ts`. */
  readonly mostMs: number;
  readonly records: number;
}

/**
 * What is handled one after another: the records of a partition, those of one
 * key in it (without a key each by itself), or none.
 */
export type Ordering = "partition" | "key" | "none";

/** What coordinates of outputs are made of, beside places. */
export interface JobCoordinates {
  /** As Kafka prints it. */
  readonly clusterId: string;
  /** Of the topics that are read, when the job began, by name. */
  readonly topicIds: Readonly<Record<string, string>>;
}

/** What a stream worker does with records. */
export interface StreamJob {
  /** URL of the processor's module. */
  readonly processor: string;
  readonly outputTopic: string;
  readonly deadLetterTopic: string;
  readonly groupId: string;
  readonly ordering: Ordering;
  readonly retry: RetryPolicy;
  /** One for each of the delays. */
  readonly delayTopics: readonly DelayTopic[];
  /** How often the coordinator commits. */
  readonly commitIntervalMs: number;
  readonly limits: WorkerLimits;
  /** Exactly once; null: at least once. */
  readonly transaction: TransactionLimits | null;
  /** What outputs say of their inputs; null: nothing. */
  readonly coordinates: JobCoordinates | null;
  /** Whether samples are wanted. */
  readonly samples: boolean;
  /** Null: nothing is traced, and no header is looked for. */
  readonly tracing: Tracing | null;
  /** Of a `LevelSwitch`. */
  readonly logLevel: SharedArrayBuffer;
}

/** What the threads that mirror topics to another cluster do. */
export interface MirrorJob {
  /** Alias of the source cluster, in MirrorMaker 2's records. */
  readonly source: string;
  /** Topic of the lanes' logs, and the lane, which is its partition. */
  readonly laneTopic: string;
  readonly lane: number;
  /** Topic of Connect's positions. */
  readonly offsetsTopic: string;
  readonly era: number;
  readonly limits: WorkerLimits;
  readonly transaction: TransactionLimits;
  /** Of a `LevelSwitch`. */
  readonly logLevel: SharedArrayBuffer;
}

export type Job = StreamJob | MirrorJob;

/** A topic that is mirrored. */
export interface MirroredTopic {
  readonly topic: string;
  /** As Kafka prints it. */
  readonly topicId: string;
  /** Its name on the target. */
  readonly target: string;
}

/** What a mirror is told of a partition that it is given, beside its position. */
export interface MirrorBeginning {
  /** Of the ownership. */
  readonly epoch: number;
  /** Of the last record that was mirrored; null: not known. */
  readonly leaderEpoch: number | null;
  /**
   * What the lane's log has yet to say of records that others have mirrored:
   * runs and marks as in dr/offset_map.
   */
  readonly runs: readonly {
    readonly upstream: number;
    readonly downstream: number;
    readonly length: number;
  }[];
}

export interface OpenMessage<J extends Job = Job> {
  readonly kind: "open";
  readonly workerId: number;
  readonly libraryPath: string;
  readonly inbox: InboxPort;
  readonly producer: ProducerPort;
  readonly page: SharedArrayBuffer;
  readonly rateLimit: SharedArrayBuffer;
  readonly job: J;
  /**
   * Outputs that are there already, and are not sent, as JSON (`DoneOutputs`): so
   * many small arrays take ten times as long as a structured clone. Null: none is.
   */
  readonly done: string | null;
  /** What earlier threads have found out. */
  readonly refused: readonly RefusedInput[];
}

export type ToWorker =
  /** First of all: what takes time, and needs nothing that is lent. */
  | { readonly kind: "prepare"; readonly job: Job }
  | OpenMessage
  /** To mirrors alone, before partitions of these topics are assigned. */
  | { readonly kind: "topics"; readonly topics: readonly MirroredTopic[] }
  /**
   * To mirrors alone, before `committed`: what their lane's log says up to there,
   * to be written anew in front of the next record.
   */
  | { readonly kind: "snapshot"; readonly parts: readonly Uint8Array[] }
  /** To mirrors alone, before any `assign`: what is not to be copied. */
  | { readonly kind: "kept"; readonly outputs: readonly KeptOutputs[] }
  /** To mirrors alone, before `assign` of the same ownerships. */
  | {
    readonly kind: "beginnings";
    readonly beginnings: readonly MirrorBeginning[];
  }
  | { readonly kind: "assign"; readonly partitions: readonly Position[] }
  | { readonly kind: "release"; readonly partitions: readonly Ownership[] }
  /** The transaction that the worker asked to commit is; the next has begun. */
  | { readonly kind: "committed" }
  /** Settle everything within the deadline, then end. */
  | { readonly kind: "stop"; readonly deadlineMs: number };

export type FromWorker =
  | { readonly kind: "ready" }
  | {
    readonly kind: "settled";
    readonly partitions: readonly Position[];
    /** Of batches that are settled, where they are sampled. */
    readonly traces?: readonly SpanContext[];
  }
  /**
   * All outputs of the transaction are acknowledged: it may be committed, with
   * the positions that it moved. Nothing is produced until `committed`.
   */
  | {
    readonly kind: "commit";
    readonly partitions: readonly Position[];
    /** As of `settled`. */
    readonly traces?: readonly SpanContext[];
    /** Of what the transaction holds. */
    readonly spans?: readonly Span[];
    /** Of mirrors. */
    readonly note?: TransactionNote;
  }
  /** Their records may come now: those that came before would be dropped. */
  | { readonly kind: "assigned"; readonly partitions: readonly Position[] }
  | { readonly kind: "released"; readonly partitions: readonly Released[] }
  /** Will be given back, see `Released`, and needs no more records until then. */
  | { readonly kind: "deferring"; readonly ownership: Ownership }
  /** A partition cannot be fetched; `code` is librdkafka's. */
  | {
    readonly kind: "fetchFailed";
    readonly ownership: Ownership;
    readonly code: number;
    readonly message: string;
  }
  /**
   * From mirrors: the record at `offset` was written under an older leader than
   * one before it, so the log is not the one that was read.
   */
  | {
    readonly kind: "logChanged";
    readonly ownership: Ownership;
    readonly offset: number;
  }
  /** This thread is of no more use; it has stopped touching native objects. */
  | { readonly kind: "failed"; readonly failure: WorkerFailure }
  | { readonly kind: "stopped" }
  | { readonly kind: "log"; readonly line: LogLine }
  | {
    readonly kind: "spans";
    readonly spans: readonly Span[];
    /** Since the last time: what was too much. */
    readonly dropped: number;
  }
  | { readonly kind: "sample"; readonly sample: Sample }
  | { readonly kind: "tokenRefresh"; readonly config: string };

/** What a mirror's transaction holds. */
export interface TransactionNote {
  /** Its record in the lane's log. */
  readonly delta: Uint8Array;
  readonly records: number;
  /** Keys and values, in bytes. */
  readonly bytes: number;
  /** Where the newest snapshot of this thread begins in the log; null: none. */
  readonly logStart: number | null;
}

export interface WorkerFailure {
  /**
   * - `open`: the worker could not start (the processor does not load).
   * - `crash`: an error outside the handler; another start may help.
   * - `cluster`: the cluster refuses what the worker must do (authorization, a
   *   missing topic); another start does not help.
   * - `aborted`: its transaction cannot be committed; another start repeats it.
   */
  readonly reason: "open" | "crash" | "cluster" | "aborted";
  readonly message: string;
  /** Inputs whose outputs the cluster refuses, which aborts a transaction. */
  readonly refused?: readonly RefusedInput[];
}
