/**
 * The ids of clusters and topics, which coordinates name. A topic that is
 * deleted and created again has another id, and other records at the same
 * offsets. So the ids are asked for when the job begins, and again whenever
 * partitions are assigned: an ownership has the id that its topic had then.
 */
import type { Admin, Consumer, TopicSummary } from "../kafka/mod.ts";
import type { JobCoordinates } from "./protocol.ts";
import { retryAnswers } from "./retry_answers.ts";

const TIMEOUT_MS = 10_000;

/** Who can be asked for topics. */
type Asked = Pick<Consumer, "summarize">;

/**
 * What a job must know to give its outputs coordinates.
 * @param topics that it reads
 * @throws {KafkaError} when the cluster does not say it; the signal's reason.
 */
export async function jobCoordinates(
  admin: Pick<Admin, "describeCluster" | "topics">,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<JobCoordinates> {
  const asked: Asked = {
    summarize: (...request) => admin.topics.summarize(...request),
  };
  const [{ clusterId }, topicIds] = await Promise.all([
    admin.describeCluster({ timeoutMs: TIMEOUT_MS, signal }),
    topicIdsOf(asked, topics, signal),
  ]);
  if (clusterId === null) throw new Error("the cluster has no id");
  return { clusterId, topicIds: Object.fromEntries(topicIds) };
}

/**
 * By name, as Kafka prints them.
 * @throws {KafkaError} when the cluster does not say it; the signal's reason.
 */
export async function topicIdsOf(
  asked: Asked,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const names = [...new Set(topics)];
  const answers: TopicSummary[] = await retryAnswers(
    () => asked.summarize(names, { timeoutMs: TIMEOUT_MS, signal }),
    signal,
  );
  return new Map(answers.map(({ topic, topicId }) => [topic, topicId]));
}
