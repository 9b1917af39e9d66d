/** Writes under a transactional id that others may hold. */
import { KafkaError, type OutputRecord } from "../../src/kafka/mod.ts";
import {
  mayTransactAnew,
  Sender,
  type SenderOptions,
  transactional,
} from "../sender.ts";
import { pause } from "../waits.ts";

type Records = readonly OutputRecord[];

const REQUEST_MS = 5_000;
/** Apart by chance, so that two that fence each other do not for long. */
const AGAIN_MS = { least: 10, most: 500 } as const;
const ATTEMPTS = 50;
/** Of all of them together. */
const PATIENCE_MS = 60_000;

/** What a transaction has left behind is not as it must be: it is done again. */
export class AgainError extends Error {
  override readonly name = "AgainError";
}

/**
 * Takes the id over, and writes in one transaction; until that has succeeded, so
 * what was committed already may be written again.
 * @param records asked for when nobody else can write under the id any more;
 * none: the id is taken over, and that is all.
 * @throws {KafkaError} where the cluster refuses, or does not answer again and
 * again; what `records` throws; the signal's reason.
 */
export const inTransactions = (
  parts: SenderOptions,
  id: string,
  records: () => Records | Promise<Records>,
  signal: AbortSignal,
): Promise<void> =>
  underId(parts, id, async (sender) => {
    const written = await records();
    if (written.length > 0) await transact(sender, written, "commit", signal);
  }, signal);

/**
 * Takes the id over, and works under it, until that has succeeded.
 * @throws {KafkaError | AgainError} as `inTransactions`; what `work` throws.
 */
export async function underId(
  parts: SenderOptions,
  id: string,
  work: (sender: Sender) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (let attempt = 1;; attempt++) {
    try {
      await using sender = new Sender({
        ...parts,
        properties: transactional(parts.properties, id),
      });
      await sender.initTransactions(REQUEST_MS, signal);
      return await work(sender);
    } catch (error) {
      signal.throwIfAborted();
      const isOver = attempt === ATTEMPTS || performance.now() > deadlineMs;
      if (isOver || !mayPass(error)) throw error;
    }
    await pause(againMs(attempt, Math.random()), signal);
    signal.throwIfAborted();
  }
}

/** One transaction, from its beginning to its end. @throws as `Sender`. */
export async function transact(
  sender: Sender,
  records: Records,
  end: "commit" | "abort",
  signal: AbortSignal,
): Promise<void> {
  const { producer } = sender;
  producer.beginTransaction();
  await sender.send(records, signal);
  const ended = end === "commit"
    ? producer.commitTransaction(REQUEST_MS)
    : producer.abortTransaction(REQUEST_MS);
  await sender.serving(ended, signal);
}

/** @param chance from 0 to 1. Pure. */
export const againMs = (attempt: number, chance: number): number =>
  AGAIN_MS.least +
  chance * Math.min(AGAIN_MS.most, AGAIN_MS.least * 2 ** attempt);

const mayPass = (error: unknown): boolean =>
  error instanceof AgainError ||
  error instanceof KafkaError && mayTransactAnew(error);
