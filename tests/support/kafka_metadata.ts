/**
 * What one particular broker believes about its cluster, by a Metadata request
 * (version 1) on a connection of its own. Client libraries ask any broker they
 * like, so they cannot tell whether all brokers agree yet.
 */
import { askBroker, type WireReader } from "./kafka_wire.ts";
import { eventually } from "./wait.ts";

export interface PartitionView {
  /** -1: no leader. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

export interface ClusterView {
  /** Ids of the brokers that the cluster counts as alive. */
  readonly brokers: readonly number[];
  /** By topic and partition number. */
  readonly topics: ReadonlyMap<string, readonly PartitionView[]>;
}

const metadataKey = 3;
const allTopics = -1;

/**
 * @param port on loopback.
 * @throws when nobody listens there or no answer comes within `timeoutMs`.
 */
export async function readMetadata(
  port: number,
  timeoutMs = 2_000,
): Promise<ClusterView> {
  const request = {
    apiKey: metadataKey,
    version: 1,
    body: (writer: { int32(value: number): void }) => writer.int32(allTopics),
  };
  return parse(await askBroker(port, request, timeoutMs));
}

/**
 * Resolves when each broker knows of each partition who leads it. What one of
 * them says, others may not have heard of yet, and a client asks any of them.
 *
 * @param servers on loopback, as clients have them: `host:port,host:port`.
 * @param partitions how many it has; default: any number.
 */
export async function ledEverywhere(
  servers: string,
  topic: string,
  partitions?: number,
): Promise<void> {
  await Promise.all(
    servers.split(",").map((server) =>
      eventually(async () => {
        const view = await readMetadata(Number(server.split(":").at(-1)));
        const known = view.topics.get(topic) ?? [];
        return known.length > 0 &&
          known.length === (partitions ?? known.length) &&
          known.every(({ leader }) => leader >= 0);
      }, { what: `led, says ${server}: ${topic}` })
    ),
  );
}

function parse(reader: WireReader): ClusterView {
  const brokers = reader.array(() => {
    const id = reader.int32();
    reader.string(); // host
    reader.int32(); // port
    reader.string(); // rack
    return id;
  });
  reader.int32(); // controller: any broker under KRaft
  const topics = new Map(reader.array(() => {
    reader.int16(); // error
    const name = reader.string();
    reader.int8(); // internal
    const partitions: PartitionView[] = [];
    reader.array(() => {
      reader.int16(); // error
      partitions[reader.int32()] = {
        leader: reader.int32(),
        replicas: reader.array(() => reader.int32()),
        inSync: reader.array(() => reader.int32()),
      };
    });
    return [name, partitions] as const;
  }));
  return { brokers: brokers.sort((a, b) => a - b), topics };
}
