/** Writes under a transactional id that others may hold. */
import {
  isFencedProducer,
  isPurged,
  isServerFailure,
  isUnanswered,
  KafkaError,
  type OutputRecord,
  type ProducerProperties,
} from "../../src/kafka/mod.ts";
import { Sender, type SenderOptions } from "../sender.ts";
import { pause } from "../waits.ts";

type Records = readonly OutputRecord[];

const REQUEST_MS = 5_000;
const TRANSACTION_MS = 10_000;
const AGAIN_MS = 20;
const ATTEMPTS = 50;

/**
 * Takes the id over, and writes in one transaction; until that has succeeded, so
 * what was committed already may be written again.
 * @param records asked for when nobody else can write under the id any more;
 * none: the id is taken over, and that is all.
 * @throws {KafkaError} where the cluster refuses, or does not answer again and
 * again; what `records` throws; the signal's reason.
 */
export async function inTransactions(
  parts: SenderOptions,
  id: string,
  records: () => Records | Promise<Records>,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await inTransaction(parts, id, records, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === ATTEMPTS || !mayPass(error)) throw error;
    }
    await pause(AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}

async function inTransaction(
  parts: SenderOptions,
  id: string,
  records: () => Records | Promise<Records>,
  signal: AbortSignal,
): Promise<void> {
  await using sender = new Sender({
    ...parts,
    properties: transactional(parts.properties, id),
  });
  const { producer } = sender;
  await sender.initTransactions(REQUEST_MS, signal);
  const written = await records();
  if (written.length === 0) return;
  producer.beginTransaction();
  await sender.send(written, signal);
  await sender.serving(producer.commitTransaction(REQUEST_MS), signal);
}

const transactional = (
  // Of no use beyond the transaction's own time.
  { "message.timeout.ms": _, ...properties }: ProducerProperties,
  id: string,
): ProducerProperties => ({
  ...properties,
  "transactional.id": id,
  "transaction.timeout.ms": TRANSACTION_MS,
  "linger.ms": 0,
});

/**
 * Fenced by one that took it back, also in the middle of that (`StateStore`), or a
 * broker that is just not there.
 */
const mayPass = (error: unknown): boolean =>
  error instanceof KafkaError &&
  (error.retriable || isFencedProducer(error.code) || isPurged(error.code) ||
    isServerFailure(error) || isUnanswered(error));
