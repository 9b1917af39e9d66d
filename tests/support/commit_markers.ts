/**
 * When the transactions of a topic were committed: the brokers write it into
 * control records, which no client shows. So this reads their files.
 */
import type { KafkaCluster } from "./kafka_cluster.ts";

/** Of a batch, up to its records: see Kafka's documentation, "Record Batch". */
const HEAD_BYTES = 61;
const LENGTH_AT = 8;
/** What the length does not count. */
const BEFORE_LENGTH = 12;
const ATTRIBUTES_AT = 21;
const MAX_TIMESTAMP_AT = 35;
const IS_CONTROL = 1 << 5;
/** Behind length, attributes, two deltas and the length of the key, a byte each. */
const MARKER_TYPE_AT = HEAD_BYTES + 5 + 2;
const COMMIT = 1;

/** In ms since the epoch, by the brokers' clock; all replicas' are there. */
export async function commitTimes(
  cluster: KafkaCluster,
  topic: string,
): Promise<number[]> {
  const times: number[] = [];
  const partition = new RegExp(`^${RegExp.escape(topic)}-\\d+$`);
  for (const { nodeId } of cluster.brokers) {
    const data = `${cluster.folder}/broker-${nodeId}.data`;
    for (const { name } of Deno.readDirSync(data)) {
      if (!partition.test(name)) continue;
      for (const file of Deno.readDirSync(`${data}/${name}`)) {
        if (!file.name.endsWith(".log")) continue;
        const bytes = await Deno.readFile(`${data}/${name}/${file.name}`);
        times.push(...commitsIn(new DataView(bytes.buffer)));
      }
    }
  }
  return times.sort((one, other) => one - other);
}

/** Of one segment; its last batch may be half written. */
function* commitsIn(log: DataView): Generator<number> {
  for (let at = 0; at + HEAD_BYTES <= log.byteLength;) {
    const next = at + BEFORE_LENGTH + log.getInt32(at + LENGTH_AT);
    if (next > log.byteLength) return;
    const isControl = (log.getInt16(at + ATTRIBUTES_AT) & IS_CONTROL) !== 0;
    if (isControl && log.getInt16(at + MARKER_TYPE_AT) === COMMIT) {
      yield Number(log.getBigInt64(at + MAX_TIMESTAMP_AT));
    }
    at = next;
  }
}
