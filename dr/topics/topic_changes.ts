/** Performs the changes of a plan on the target. */
import {
  type Admin,
  type ConfigChanges,
  KafkaError,
} from "../../src/kafka/mod.ts";
import type { NewTarget, TopicPlan } from "./plan.ts";

export type TopicChange =
  | { readonly doing: "create"; readonly change: NewTarget }
  | {
    readonly doing: "grow";
    readonly change: { readonly topic: string; readonly partitions: number };
  }
  | { readonly doing: "alter"; readonly change: ConfigChanges };

/** A change and what became of it. */
export type Performed = TopicChange & {
  readonly target: string;
  readonly error: KafkaError | null;
};

/** A controller refuses a request that makes 10,000 partitions. */
const PARTITIONS_AT_ONCE = 1_000;
const TOPICS_AT_ONCE = 100;

/**
 * Some changes a request; one that is refused, or a request that fails, keeps no
 * other from being tried.
 * @param timeoutMs for each request.
 * @throws the signal's reason.
 */
export async function perform(
  admin: Admin,
  plan: TopicPlan,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Performed[]> {
  const options = { timeoutMs, signal };
  const created = await inParts(
    plan.create,
    ({ partitions }) => partitions,
    (part) => admin.topics.create(part, options),
    signal,
  );
  const grown = await inParts(
    plan.grow,
    ({ partitions }) => partitions,
    (part) => admin.topics.grow(part, options),
    signal,
  );
  const altered = await inParts(
    plan.alter,
    () => 1,
    async (part) =>
      (await admin.configs.alter(part, options))
        .map(({ name, error }) => ({ topic: name, error })),
    signal,
  );
  return [
    ...created.map(([change, error]): Performed => ({
      doing: "create",
      change,
      target: change.topic,
      error,
    })),
    ...grown.map(([change, error]): Performed => ({
      doing: "grow",
      change,
      target: change.topic,
      error,
    })),
    ...altered.map(([change, error]): Performed => ({
      doing: "alter",
      change,
      target: change.name,
      error,
    })),
  ];
}

interface Answer {
  readonly topic: string;
  readonly error: KafkaError | null;
}

async function inParts<T extends { readonly topic: string } | ConfigChanges>(
  changes: readonly T[],
  partitionsOf: (change: T) => number,
  send: (part: readonly T[]) => Promise<readonly Answer[]>,
  signal: AbortSignal,
): Promise<[T, KafkaError | null][]> {
  const results: [T, KafkaError | null][] = [];
  for (const part of partsOf(changes, partitionsOf)) {
    const outcome = await sendPart(part, send, signal);
    for (const change of part) {
      const name = "topic" in change ? change.topic : change.name;
      results.push([change, outcome(name)]);
    }
  }
  return results;
}

async function sendPart<T>(
  part: readonly T[],
  send: (part: readonly T[]) => Promise<readonly Answer[]>,
  signal: AbortSignal,
): Promise<(name: string) => KafkaError | null> {
  try {
    const answers = await send(part);
    const errors = new Map(answers.map(({ topic, error }) => [topic, error]));
    return (name) => errors.get(name) ?? null;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KafkaError)) throw error;
    return () => error;
  }
}

function partsOf<T>(
  changes: readonly T[],
  partitionsOf: (change: T) => number,
): T[][] {
  const parts: T[][] = [];
  let partitions = Infinity;
  for (const change of changes) {
    partitions += partitionsOf(change);
    const last = parts.at(-1);
    if (
      last === undefined || partitions > PARTITIONS_AT_ONCE ||
      last.length >= TOPICS_AT_ONCE
    ) {
      parts.push([change]);
      partitions = partitionsOf(change);
    } else last.push(change);
  }
  return parts;
}
