/** What becomes of a record whose handler has failed. */
import { EncodingError } from "../src/kafka/mod.ts";
import type { StreamParts } from "./handlers.ts";
import { OutputError, reasonOf } from "./output.ts";
import { RejectError, RetryError } from "./processor.ts";
import { InvalidRecordError } from "./record.ts";
import { decideRetry, type RetryDecision } from "./retry.ts";
import type { Ticket } from "./settlement.ts";

/** What is known of a record that has failed. */
export interface Failure {
  /** Attempts that failed. */
  readonly attempts: number;
  /** When the first of them did, in milliseconds since the epoch. */
  readonly firstMs: number;
}

/** A record that keeps its place and is tried again. */
export interface Wait {
  readonly delayMs: number;
  readonly failure: Failure;
}

export class Failures {
  readonly #parts: StreamParts;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /**
   * Decides about a record, and hands it to the sink unless it waits.
   * @param past what is known of earlier attempts
   * @returns null when the record has gone to the sink.
   */
  fail(
    ticket: Ticket,
    index: number,
    past: Failure | null,
    error: unknown,
  ): Wait | null {
    const { job, sink } = this.#parts;
    const failure = oneMore(past);
    const decision: RetryDecision = isFinal(error)
      ? { kind: "deadLetter" }
      : decideRetry(
        job.retry,
        failure.attempts,
        error instanceof RetryError ? error.delayMs : null,
        Math.random,
      );
    switch (decision.kind) {
      case "inPlace":
        return { delayMs: decision.delayMs, failure };
      case "later":
        sink.postpone(ticket, index, {
          delayMs: decision.delayMs,
          failure,
          reason: reasonOf(error),
        });
        return null;
      case "deadLetter":
        this.#reject(ticket, index, failure, error);
        return null;
      default:
        return decision satisfies never;
    }
  }

  /** Makes a dead letter of a record that its handler gives up. */
  reject(ticket: Ticket, index: number, past: Failure | null, reason: unknown) {
    this.#reject(ticket, index, oneMore(past), reason);
  }

  #reject(ticket: Ticket, index: number, failure: Failure, error: unknown) {
    const tried = failure.attempts > 1 ? failure : undefined;
    this.#parts.sink.reject(ticket, index, reasonOf(error), tried);
  }
}

/** What is known once the attempt at hand has failed as well. */
export const oneMore = (past: Failure | null): Failure => ({
  attempts: (past?.attempts ?? 0) + 1,
  firstMs: past?.firstMs ?? Date.now(),
});

/** Whether another attempt would fail like this one. */
const isFinal = (error: unknown) =>
  error instanceof RejectError || error instanceof InvalidRecordError ||
  error instanceof OutputError || error instanceof EncodingError;
