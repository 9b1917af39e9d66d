/** The records that are copied, and what is in a topic. */
import { IndependentClient } from "../../tests/support/independent_client.ts";
import { loginRecords } from "../../tests/support/login_fixture.ts";
import type { NewRecord } from "../../tests/support/record_codec.ts";
import { loadRecords } from "../input.ts";
import type { Content } from "./copy.ts";
import { fingerprint } from "./fingerprint.ts";

const FIXTURE = { seed: 1 };
/** So that they are checked, and cost nobody anything. */
const HEADERS_EVERY = 100;
/** Each has a time of its own that a producer would not give it. */
const RECORDS_PER_MS = 20;
/** Retention spares them, and none lies in the future. */
const AGE_MS = 3_600_000;

export async function loadSource(
  brokers: string,
  topic: string,
  messages: number,
): Promise<void> {
  await loadRecords(brokers, topic, sourceRecords(messages));
}

function* sourceRecords(messages: number): Generator<NewRecord> {
  const firstMs = Date.now() - AGE_MS;
  let index = 0;
  for (const { key, value } of loginRecords(messages, FIXTURE)) {
    const timestampMs = firstMs + Math.floor(index / RECORDS_PER_MS);
    const headers = index % HEADERS_EVERY === 0
      ? [{ name: "trace", value: String(index) }, { name: "no", value: null }]
      : [];
    index++;
    yield { key, value, timestampMs, headers };
  }
}

/** Of what is committed now; waits for no open transaction. */
export async function readContent(
  brokers: string,
  topic: string,
): Promise<Content> {
  await using client = await IndependentClient.connect(brokers);
  const content: number[][] = Array.from(
    { length: await client.partitionCount(topic) },
    () => [],
  );
  await client.visitTopic(topic, (records) => {
    for (const record of records) {
      content[record.partition]!.push(fingerprint(record));
    }
  }, { isolation: "read_committed" });
  return content;
}
