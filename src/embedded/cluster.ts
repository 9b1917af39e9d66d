/** The cluster that `start` runs on when no brokers are configured. */
import { type Library, MockCluster } from "../kafka/mod.ts";

/** What users are told of it, one line each. */
export const EMBEDDED_LIMITS: readonly string[] = [
  "The embedded cluster is for trying out: records live in memory, of each " +
  "partition only the newest 5 MB.",
  "It cannot administer topics and only simulates transactions. Set " +
  "PRIMARY_BROKERS to use a real one.",
];

export interface EmbeddedOptions {
  /** Topics to create; each gets `partitions` partitions. */
  readonly topics: readonly string[];
  readonly partitions: number;
}

/**
 * Starts one broker on a free port of the loopback interface, with the topics.
 * It lives in this process until it is disposed; dispose its clients before.
 */
export async function startEmbeddedCluster(
  library: Library,
  { topics, partitions }: EmbeddedOptions,
): Promise<MockCluster> {
  await using started = new AsyncDisposableStack();
  const cluster = started.use(new MockCluster(library, 1));
  for (const topic of topics) cluster.createTopic(topic, partitions);
  started.move();
  return cluster;
}
