/** Tests that share one cluster, which takes longer to start than most run. */
import { IndependentClient } from "./independent_client.ts";
import { KafkaCluster, type KafkaClusterOptions } from "./kafka_cluster.ts";
import { realKafkaTest } from "./require_java.ts";

export interface ClusterFixture {
  readonly cluster: KafkaCluster;
  readonly client: IndependentClient;
  /** For files; deleted in the end. */
  readonly folder: string;
}

export type ClusterStep = (fixture: ClusterFixture) => Promise<void>;

/**
 * Registers one test with a step for each entry. Steps that follow a failed one
 * run all the same, and must not need what it left. The cluster's logs are kept
 * when a step fails.
 */
export function clusterSteps(
  name: string,
  options: KafkaClusterOptions,
  steps: Readonly<Record<string, ClusterStep>>,
): void {
  realKafkaTest(name, async (context) => {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await KafkaCluster.start(options));
    const client = stack.use(
      await IndependentClient.connect(cluster.bootstrapServers),
    );
    const folder = await Deno.makeTempDir({ prefix: "switchyard-test-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    for (const [name, step] of Object.entries(steps)) {
      const passed = await context.step(
        name,
        () => step({ cluster, client, folder }),
      );
      if (!passed) cluster.keepLogs();
    }
  });
}
