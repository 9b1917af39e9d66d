/**
 * Delay topics: records that failed wait in them until they are tried again.
 *
 * A record there has the original key, value and headers. Its own timestamp is
 * the time of its postponement, because retention counts from that: with an old
 * one the cluster could delete it before it is due. The original timestamp and
 * the place where the record was first read are in headers, and are kept from
 * one delay topic to the next.
 */
import type {
  Batch,
  Header,
  OutputRecord,
  TopicPartition,
} from "../src/kafka/mod.ts";
import type { DelayTopic } from "../src/pool/protocol.ts";
import type { Failure } from "./failures.ts";
import { header, headerKey, ourHeaders } from "./headers.ts";
import type { Postponement } from "./retry.ts";

const REASON_CHARACTERS = 1000;

/** Where a record was first read, and the timestamp that it had there. */
export interface Origin extends TopicPartition {
  readonly offset: number;
  /** Milliseconds since the epoch; -1 where it has none. */
  readonly timestampMs: number;
}

export class DelayTopics {
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

  /**
   * How a record failed before it was fetched here, as its headers say; null
   * for one that was never tried.
   */
  failureBefore(batch: Batch, index: number): Failure | null {
    if (!this.delayed(batch, index)) return null;
    const read = ourHeaders(batch, index);
    const attempts = whole(read("attempt"));
    const firstMs = Date.parse(read("first-failure") ?? "");
    return {
      // Whoever else writes to a delay topic has at least failed once.
      attempts: attempts === null || attempts < 1 ? 1 : attempts,
      firstMs: Number.isNaN(firstMs)
        ? Math.max(0, batch.timestamp(index))
        : firstMs,
    };
  }

  /** Of the original record, in ms since the epoch; -1 where it has none. */
  timestampOf(batch: Batch, index: number): number {
    return this.delayed(batch, index)
      ? this.originOf(batch, index).timestampMs
      : batch.timestamp(index);
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

  /** The headers that the original record had: ours stand behind them. */
  headersOf(batch: Batch, index: number): readonly Header[] {
    const headers = batch.headers(index);
    if (!this.delayed(batch, index)) return headers;
    const first = headers.findLastIndex(({ key }) =>
      key === headerKey("reason")
    );
    return first < 0 ? headers : headers.slice(0, first);
  }

  /**
   * The record that goes to the delay topic.
   * @param done see done_header.ts; null: nothing is
   */
  postponed(
    batch: Batch,
    index: number,
    postponement: Postponement,
    nowMs: number,
    done: string | null = null,
  ): OutputRecord {
    const { delayMs, failure, reason } = postponement;
    const { topic, partition, offset, timestampMs } = this.originOf(
      batch,
      index,
    );
    return {
      topic: this.topicOf(delayMs),
      key: batch.key(index),
      value: batch.value(index),
      headers: [
        ...this.headersOf(batch, index),
        // The first of ours, see `headersOf`; all are always there.
        header("reason", reason.slice(0, REASON_CHARACTERS)),
        header("topic", topic),
        header("partition", partition),
        header("offset", offset),
        header("attempt", failure.attempts),
        header("first-failure", new Date(failure.firstMs).toISOString()),
        header("due", nowMs + delayMs),
        header("timestamp", timestampMs),
        ...done === null ? [] : [header("done", done)],
      ],
    };
  }
}

export const NO_DELAY_TOPICS = new DelayTopics([]);

function whole(text: string | undefined): number | null {
  const number = Number(text ?? NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}
