/** What must be there before sentinels can vote: topics, and a first state. */
import { KafkaError, ReadError } from "../../src/kafka/mod.ts";
import {
  type ClusterName,
  ensureStateTopics,
  type Proposal,
  type StateClusters,
  StateError,
  type StateStore,
  StateTopicError,
} from "../state/mod.ts";
import { pause } from "../waits.ts";
import type { Problems } from "./problems.ts";

const FIRST_STATE: Proposal = {
  active: "primary",
  phase: "steady",
  era: 0,
  lanes: null,
  reason: "the first sentinel began",
};

const TOPICS_MS = 10_000;
/** Apart by chance, so that sentinels that fence each other do so once. */
const RETRY_MS = 1_000;

/** Tries until it succeeds, or the signal aborts. */
export async function persist(
  what: string,
  work: () => Promise<void>,
  problems: Problems,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
      problems.over(what);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isOfCluster(error)) throw error;
      problems.say(what, error.message);
      await pause(RETRY_MS * (1 + Math.random()), signal);
    }
  }
}

/** It may succeed later. */
export const isOfCluster = (error: unknown): error is Error =>
  error instanceof KafkaError || error instanceof ReadError ||
  error instanceof StateError || error instanceof StateTopicError;

/** @throws as `ensureStateTopics`. */
export function ensureTopics(
  { clusters }: StateClusters,
  cluster: ClusterName,
  replicationFactor: number,
  signal: AbortSignal,
): Promise<void> {
  const { admin } = clusters[cluster];
  const options = { admin, cluster, replicationFactor, timeoutMs: TOPICS_MS };
  return ensureStateTopics(options, signal);
}

/**
 * Writes the first state where there is none. Of two that try it at once one is
 * fenced, or finds the other's.
 * @throws {StateError}; while the primary's copy cannot be read it is refused.
 */
export async function ensureState(
  store: StateStore,
  signal: AbortSignal,
): Promise<void> {
  const { newest } = await store.read(signal);
  // A change would fence whoever is in the middle of one.
  if (newest !== null) return;
  await store.change(
    (known) => known === null ? FIRST_STATE : null,
    { signal },
  );
}
