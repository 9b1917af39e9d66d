/**
 * Dead letters: what could not be processed, with its original key, value,
 * headers and timestamp, and in further headers why and where it came from.
 */
import type { Batch, Header, OutputRecord } from "../src/kafka/mod.ts";
import { type DelayTopics, NO_DELAY_TOPICS } from "./delay_topics.ts";
import { type Failure, oneMore } from "./failures.ts";
import { header } from "./headers.ts";
import type { Rejection } from "./settlement.ts";

const REASON_CHARACTERS = 1000;

export interface DeadLetterPlace {
  readonly topic: string;
  readonly groupId: string;
  /** The records of these topics have their origin in headers. */
  readonly delayTopics?: DelayTopics;
}

/**
 * Without its value where the cluster has refused the whole record as too
 * large; the headers say where the original is.
 */
export function deadLetter(
  batch: Batch,
  index: number,
  { reason, complete, failure }: Rejection,
  place: DeadLetterPlace,
): OutputRecord {
  const { delayTopics = NO_DELAY_TOPICS } = place;
  const origin = delayTopics.originOf(batch, index);
  const value = batch.value(index);
  const headers: Header[] = [
    ...delayTopics.headersOf(batch, index),
    header("reason", reason.slice(0, REASON_CHARACTERS)),
    header("topic", origin.topic),
    header("partition", origin.partition),
    header("offset", origin.offset),
    header("group", place.groupId),
    ...attemptHeaders(
      failure ?? oneMore(delayTopics.failureBefore(batch, index)),
    ),
  ];
  if (!complete) headers.push(header("value.omitted", value?.length ?? 0));
  return {
    topic: place.topic,
    key: batch.key(index),
    value: complete ? value : null,
    headers,
    timestampMs: origin.timestampMs > 0 ? origin.timestampMs : undefined,
  };
}

/** Nothing to tell of a record that was tried once. */
const attemptHeaders = ({ attempts, firstMs }: Failure): Header[] =>
  attempts <= 1 ? [] : [
    header("attempts", attempts),
    header("first-failure", new Date(firstMs).toISOString()),
  ];
