/**
 * What the coordinator and a worker thread say to one another. An `epoch` names
 * one ownership of one partition: it is never used twice in a process, and what
 * arrives under an old one is ignored.
 */
import type { DelayTopic } from "../config/delays.ts";
import type { InboxPort, ProducerPort, TopicPartition } from "../kafka/mod.ts";
import type { LogLevel, LogLine } from "../telemetry/log.ts";
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
}

/** Where a partition stands that a worker has given back. */
export interface Released extends Position {
  /**
   * The worker has given it back by itself, because its next record must not be
   * handled before this time, in ms since the epoch.
   */
  readonly notBeforeMs?: number;
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

/** What a stream worker does with records. */
export interface StreamJob {
  /** URL of the processor's module. */
  readonly processor: string;
  readonly outputTopic: string;
  readonly deadLetterTopic: string;
  readonly groupId: string;
  readonly limits: WorkerLimits;
  /** What it means is said in workers/retry.ts. */
  readonly retry: {
    readonly attempts: number;
    readonly backoffMs: number;
    readonly inPlaceMs: number;
    readonly delaysMs: readonly number[];
  };
  /** One for each of the delays. */
  readonly delayTopics: readonly DelayTopic[];
  /** Whether samples are wanted. */
  readonly samples: boolean;
  readonly logLevel: LogLevel;
}

export interface OpenMessage {
  readonly kind: "open";
  readonly workerId: number;
  readonly libraryPath: string;
  readonly inbox: InboxPort;
  readonly producer: ProducerPort;
  readonly page: SharedArrayBuffer;
  readonly rateLimit: SharedArrayBuffer;
  readonly job: StreamJob;
}

export type ToWorker =
  | OpenMessage
  | { readonly kind: "assign"; readonly partitions: readonly Position[] }
  | { readonly kind: "release"; readonly partitions: readonly Ownership[] }
  /** Settle everything within the deadline, then end. */
  | { readonly kind: "stop"; readonly deadlineMs: number };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "settled"; readonly partitions: readonly Position[] }
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
  /** This thread is of no more use; it has stopped touching native objects. */
  | { readonly kind: "failed"; readonly failure: WorkerFailure }
  | { readonly kind: "stopped" }
  | { readonly kind: "log"; readonly line: LogLine }
  | { readonly kind: "sample"; readonly sample: Sample }
  | { readonly kind: "tokenRefresh"; readonly config: string };

export interface WorkerFailure {
  /**
   * - `open`: the worker could not start (the processor does not load).
   * - `crash`: an error outside the handler; another start may help.
   * - `cluster`: the cluster refuses what the worker must do (authorization, a
   *   missing topic); another start does not help.
   */
  readonly reason: "open" | "crash" | "cluster";
  readonly message: string;
}
