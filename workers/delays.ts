/**
 * Delay topics: records that failed wait in them until they are tried again.
 *
 * A record there has the original key, value and headers. Its own timestamp is
 * the time of its postponement, because retention counts from that: with an old
 * one the cluster could delete it before it is due. The original timestamp and
 * the place where the record was first read are in headers, and are kept from
 * one delay topic to the next.
 */
import type { Batch, OutputRecord, TopicPartition } from "../src/kafka/mod.ts";
import type { DelayTopic } from "../src/pool/protocol.ts";
import { foreignHeaders, header, ourHeaders } from "./headers.ts";
import type { Postponement } from "./retry.ts";

const REASON_CHARACTERS = 1000;

/** The attempts at a record that came before this one. */
export interface Failures {
  /** How many there were. */
  readonly attempts: number;
  readonly firstFailureMs: number;
}

/** Where a record was first read, and the timestamp that it had there. */
export interface Origin extends TopicPartition {
  readonly offset: number;
  /** Milliseconds since the epoch; -1 where it has none. */
  readonly timestampMs: number;
}

export class Delays {
  readonly topics: ReadonlySet<string>;
  readonly #byDelay: ReadonlyMap<number, string>;

  constructor(topics: readonly DelayTopic[]) {
    this.topics = new Set(topics.map(({ topic }) => topic));
    this.#byDelay = new Map(topics.map((each) => [each.delayMs, each.topic]));
  }

  /** @throws {RangeError} where no delay topic has this delay. */
  topicOf(delayMs: number): string {
    const topic = this.#byDelay.get(delayMs);
    if (topic === undefined) throw new RangeError(`no topic for ${delayMs} ms`);
    return topic;
  }

  /** Whether a record has come through a delay topic. */
  delayed(batch: Batch, index: number): boolean {
    return this.topics.size > 0 && this.topics.has(batch.tp(index).topic);
  }

  /** What a record's headers say of it; null for one that was never tried. */
  failuresOf(batch: Batch, index: number): Failures | null {
    if (!this.delayed(batch, index)) return null;
    const read = ourHeaders(batch, index);
    const attempts = whole(read("attempt"));
    const firstFailureMs = Date.parse(read("first-failure") ?? "");
    return {
      // Whoever else writes to a delay topic has at least failed once.
      attempts: attempts === null || attempts < 1 ? 1 : attempts,
      firstFailureMs: Number.isNaN(firstFailureMs)
        ? Math.max(0, batch.timestamp(index))
        : firstFailureMs,
    };
  }

  originOf(batch: Batch, index: number): Origin {
    const here = {
      ...batch.tp(index),
      offset: batch.offset(index),
      timestampMs: batch.timestamp(index),
    };
    if (!this.delayed(batch, index)) return here;
    const read = ourHeaders(batch, index);
    const topic = read("topic");
    const partition = whole(read("partition"));
    const offset = whole(read("offset"));
    const timestampMs = whole(read("timestamp"));
    if (topic === undefined || partition === null || offset === null) {
      return here;
    }
    return { topic, partition, offset, timestampMs: timestampMs ?? -1 };
  }

  /** The record that goes to the delay topic. */
  postponed(
    batch: Batch,
    index: number,
    postponement: Postponement,
    nowMs: number,
  ): OutputRecord {
    const { attempt, delayMs, firstFailureMs, reason } = postponement;
    const { topic, partition, offset, timestampMs } = this.originOf(
      batch,
      index,
    );
    const firstFailure = new Date(firstFailureMs).toISOString();
    return {
      topic: this.topicOf(delayMs),
      key: batch.key(index),
      value: batch.value(index),
      headers: [
        ...foreignHeaders(batch, index),
        header("reason", reason.slice(0, REASON_CHARACTERS)),
        header("topic", topic),
        header("partition", partition),
        header("offset", offset),
        header("attempt", attempt),
        header("first-failure", firstFailure),
        header("due", nowMs + delayMs),
        ...(timestampMs > 0 ? [header("timestamp", timestampMs)] : []),
      ],
    };
  }
}

export const NO_DELAYS = new Delays([]);

/** Attempts at a record before this one; null for the first. */
export const attemptOf = (
  batch: Batch,
  index: number,
  delays: Delays,
): Failures | null => delays.failuresOf(batch, index);

function whole(text: string | undefined): number | null {
  const number = Number(text ?? NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}
