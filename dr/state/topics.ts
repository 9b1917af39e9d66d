/** Makes the topics of the state, and looks at those that are there. */
import {
  type Admin,
  type ConfigEntry,
  isUnsupported,
  KafkaError,
  type NewTopic,
} from "../../src/kafka/mod.ts";
import { createMissing } from "../cut/ensure_topics.ts";
import { askRepeatedly, ATTEMPT_MS, maySettle } from "../cut/requests.ts";
import { HISTORY_TOPIC, STATE_TOPIC, VOTES_TOPIC } from "../formats/mod.ts";
import { PARTITION } from "./read_log.ts";
import type { ClusterName } from "./types.ts";
import { VOTE_RETENTION_MS } from "./vote_table.ts";

/** A topic is there and cannot serve: it would lose or misdate what is kept. */
export class StateTopicError extends Error {
  override readonly name = "StateTopicError";
}

export interface StateTopicsOptions {
  /** Of the cluster. */
  readonly admin: Admin;
  readonly cluster: ClusterName;
  /** At the most; no more than there are brokers. */
  readonly replicationFactor: number;
  readonly timeoutMs: number;
}

interface StateTopic extends NewTopic {
  readonly config: Readonly<Record<string, string>>;
  /** Settings of `config` without which it cannot serve. */
  readonly essential: readonly string[];
}

/** Of votes: they are read from the beginning, and written all the time. */
const VOTE_SEGMENT_MS = 600_000;
const VOTE_SEGMENT_BYTES = 2 ** 20;

/** What a cluster with so many brokers is to have. Pure. */
export function stateTopics(
  cluster: ClusterName,
  replicationFactor: number,
  brokers: number,
): readonly StateTopic[] {
  const replicas = Math.max(1, Math.min(replicationFactor, brokers));
  const topic = (
    name: string,
    config: Readonly<Record<string, string>>,
  ): StateTopic => ({
    topic: name,
    partitions: 1,
    replicationFactor: replicas,
    // Two of three, so that no broker alone takes what the others then lack.
    config: { ...config, "min.insync.replicas": replicas > 2 ? "2" : "1" },
    essential: Object.keys(config).filter((each) => ESSENTIAL.has(each)),
  });
  const state = topic(STATE_TOPIC, { "cleanup.policy": "compact" });
  if (cluster === "primary") return [state];
  return [
    state,
    topic(HISTORY_TOPIC, {
      "cleanup.policy": "delete",
      "retention.ms": "-1",
      "retention.bytes": "-1",
    }),
    topic(VOTES_TOPIC, {
      "cleanup.policy": "compact,delete",
      "message.timestamp.type": "LogAppendTime",
      "retention.ms": `${VOTE_RETENTION_MS}`,
      "segment.ms": `${VOTE_SEGMENT_MS}`,
      "segment.bytes": `${VOTE_SEGMENT_BYTES}`,
    }),
  ];
}

const ESSENTIAL: ReadonlySet<string> = new Set([
  "cleanup.policy",
  "message.timestamp.type",
  "retention.ms",
  "retention.bytes",
]);

/** What a topic has otherwise than it must, as a user reads it. Pure. */
export function unfit(
  { config, essential, topic }: StateTopic,
  entries: readonly Pick<ConfigEntry, "name" | "value">[],
): readonly string[] {
  const actual = new Map(entries.map(({ name, value }) => [name, value]));
  return essential
    .filter((name) => !isSame(actual.get(name) ?? "", config[name]!))
    .map((name) =>
      `${topic} has ${name}=${actual.get(name) ?? ""} and must have ` +
      config[name]!
    );
}

/** Lists are the same in any order. */
const isSame = (one: string, other: string) => listed(one) === listed(other);
const listed = (value: string) =>
  value.split(",").map((each) => each.trim()).sort().join(",");

/**
 * Makes what is missing, and waits until it can be used.
 * @throws {KafkaError} where the cluster does not answer in time, or refuses.
 * @throws {StateTopicError} where a topic is there with other settings.
 */
export async function ensureStateTopics(
  { admin, cluster, replicationFactor, timeoutMs }: StateTopicsOptions,
  signal: AbortSignal,
): Promise<void> {
  const options = { timeoutMs: ATTEMPT_MS, signal };
  // What was just created is not known everywhere.
  const ask = <T>(question: () => Promise<T>) =>
    askRepeatedly(question, timeoutMs, signal, maySettle);
  const { brokers } = await ask(() => admin.describeCluster(options));
  const topics = stateTopics(cluster, replicationFactor, brokers.length);
  await createMissing({ admin, topics, timeoutMs }, signal);
  const queries = topics.map(({ topic }) => ({
    topic,
    partition: PARTITION,
    at: "latest" as const,
  }));
  await ask(async () =>
    withoutErrors(await admin.partitions.offsets(queries, options))
  );
  const resources = topics.map(({ topic }) => ({
    type: "topic" as const,
    name: topic,
  }));
  let described: readonly { readonly entries: readonly ConfigEntry[] }[];
  try {
    described = await ask(async () =>
      withoutErrors(await admin.configs.describe(resources, options))
    );
  } catch (error) {
    // The embedded cluster: it describes nothing, and compacts nothing.
    if (error instanceof KafkaError && isUnsupported(error.code)) return;
    throw error;
  }
  const problems = described
    .flatMap(({ entries }, at) => unfit(topics[at]!, entries));
  if (problems.length === 0) return;
  throw new StateTopicError(
    `on the ${cluster}: ${problems.join("; ")}. Set it so by kafka-configs`,
  );
}

/** @throws the first error among them. */
function withoutErrors<T extends { readonly error: Error | null }>(
  answers: readonly T[],
): readonly T[] {
  const failed = answers.find(({ error }) => error !== null);
  if (failed !== undefined) throw failed.error;
  return answers;
}
