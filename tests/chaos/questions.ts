/**
 * Who leads what, and how far a group is: asked of brokers directly, each
 * question with a deadline of its own, because under faults client libraries
 * wait and try again for longer than a test can.
 */
import { askBroker, type WireReader } from "../support/kafka_wire.ts";

const timeoutMs = 2_000;
const consumerReplica = -1;
const latest = -1;

/** Kafka's error code where there must be none. */
class AnswerError extends Error {
  override readonly name = "AnswerError";

  constructor(what: string, code: number) {
    super(`${what}: error ${code} of Kafka's protocol`);
  }
}

const refuse = (what: string, code: number) => {
  if (code !== 0) throw new AnswerError(what, code);
};

/** The id of the broker that coordinates a group, or a transactional id. */
export async function findCoordinator(
  port: number,
  kind: "group" | "transaction",
  key: string,
): Promise<number> {
  const reader = await askBroker(port, {
    apiKey: 10,
    version: 1,
    body: (writer) => {
      writer.string(key);
      writer.int8(kind === "group" ? 0 : 1);
    },
  }, timeoutMs);
  reader.int32(); // throttle time
  refuse(`coordinator of ${kind} ${key}`, reader.int16());
  reader.string(); // error message
  return reader.int32();
}

/** Ids of the transactions that this broker coordinates. */
export async function transactionsAt(port: number): Promise<string[]> {
  const reader = await askBroker(port, {
    apiKey: 66,
    version: 0,
    flexible: true,
    body: (writer) => {
      writer.compactArray([], () => {}); // of any state
      writer.compactArray([], () => {}); // of any producer
      writer.tags();
    },
  }, timeoutMs);
  reader.int32(); // throttle time
  refuse("transactions", reader.int16());
  reader.compactArray(() => reader.compactString()); // unknown states
  return reader.compactArray(() => {
    const id = reader.compactString();
    reader.int64(); // producer id
    reader.compactString(); // state
    reader.tags();
    return id;
  });
}

/** The id of the active controller, which has a broker of the same id here. */
export async function activeController(port: number): Promise<number> {
  const reader = await askBroker(port, {
    apiKey: 55,
    version: 0,
    flexible: true,
    body: (writer) => {
      writer.compactArray(["__cluster_metadata"], (topic) => {
        writer.compactString(topic);
        writer.compactArray([0], (partition) => {
          writer.int32(partition);
          writer.tags();
        });
        writer.tags();
      });
      writer.tags();
    },
  }, timeoutMs);
  refuse("quorum", reader.int16());
  const [[leader]] = reader.compactArray(() => {
    reader.compactString(); // topic
    return reader.compactArray(() => {
      reader.int32(); // partition
      refuse("quorum's partition", reader.int16());
      return reader.int32();
    });
  }) as [[number]];
  return leader;
}

/** By partition: the offset that its next record gets. Ask its leader. */
export async function endOffsets(
  port: number,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, number>> {
  const reader = await askBroker(port, {
    apiKey: 2,
    version: 1,
    body: (writer) => {
      writer.int32(consumerReplica);
      writer.array([topic], () => {
        writer.string(topic);
        writer.array(partitions, (partition) => {
          writer.int32(partition);
          writer.int64(latest);
        });
      });
    },
  }, timeoutMs);
  return offsetsIn(reader, () => {
    const partition = reader.int32();
    const error = reader.int16();
    reader.int64(); // timestamp
    return { partition, error, offset: reader.int64() };
  });
}

/** By partition: what the group has committed. Ask its coordinator. */
export async function groupOffsets(
  port: number,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, number>> {
  const reader = await askBroker(port, {
    apiKey: 9,
    version: 1,
    body: (writer) => {
      writer.string(group);
      writer.array([topic], () => {
        writer.string(topic);
        writer.array(partitions, (partition) => writer.int32(partition));
      });
    },
  }, timeoutMs);
  return offsetsIn(reader, () => {
    const partition = reader.int32();
    const offset = reader.int64();
    reader.string(); // metadata
    return { partition, error: reader.int16(), offset };
  });
}

interface PartitionAnswer {
  readonly partition: number;
  readonly error: number;
  readonly offset: number;
}

function offsetsIn(
  reader: WireReader,
  read: () => PartitionAnswer,
): Map<number, number> {
  const [answers = []] = reader.array(() => {
    reader.string(); // topic
    return reader.array(read);
  });
  for (const { partition, error } of answers) {
    refuse(`partition ${partition}`, error);
  }
  return new Map(answers.map(({ partition, offset }) => [partition, offset]));
}
