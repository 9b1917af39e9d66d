/** Ids as the brokers have written them to their disks. */
import type { KafkaCluster } from "./kafka_cluster.ts";

export async function clusterIdOf(cluster: KafkaCluster): Promise<string> {
  return await read(`${dataOf(cluster)}/meta.properties`, "cluster.id=");
}

/** Where the first broker has a replica of the topic's first partition. */
export async function topicIdOf(
  cluster: KafkaCluster,
  topic: string,
): Promise<string> {
  const path = `${dataOf(cluster)}/${topic}-0/partition.metadata`;
  return await read(path, "topic_id: ");
}

const dataOf = ({ brokers, folder }: KafkaCluster) =>
  `${folder}/broker-${brokers[0]!.nodeId}.data`;

async function read(path: string, name: string): Promise<string> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  const line = lines.find((each) => each.startsWith(name));
  if (line === undefined) throw new Error(`no ${name} in ${path}`);
  return line.slice(name.length);
}
