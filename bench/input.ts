/** The records that all systems get, and what should become of them. */
import { loginRecord, loginRecords } from "../tests/support/login_fixture.ts";
import type { NewRecord } from "../tests/support/record_codec.ts";
import { RecordPipe } from "../tests/support/record_pipe.ts";
import { javaClassPath, toolFolder } from "./paths.ts";
import { run } from "./shell.ts";
import { traced } from "./telemetry.ts";

const FIXTURE = { seed: 1 };
/** Kafka's consumer waits for ever for a broker that has died. */
const DIGEST_TIMEOUT_MS = 300_000;

/** What `Digest.java` prints. */
export interface Digest {
  readonly records: number;
  readonly content: string;
  readonly order: string;
}

export async function load(
  brokers: string,
  topic: string,
  messages: number,
  isTraced: boolean,
): Promise<void> {
  const records = loginRecords(messages, FIXTURE);
  await loadRecords(brokers, topic, isTraced ? traced(records) : records);
}

export async function loadRecords(
  brokers: string,
  topic: string,
  records: Iterable<NewRecord>,
): Promise<void> {
  await using pipe = await RecordPipe.start();
  await pipe.produce(topic, records, {
    "bootstrap.servers": brokers,
    "linger.ms": "20",
    // JavaScript clients send a fetched batch as one: with 1 MB its larger
    // outputs would exceed what a broker takes.
    "batch.size": String(256 * 1024),
    "buffer.memory": String(128 * 1024 * 1024),
  });
}

/** Logins as lines of JSON. */
export function loginLines(count: number): string {
  const decoder = new TextDecoder();
  const lines = Array.from(
    { length: count },
    (_, index) => decoder.decode(loginRecord(index, FIXTURE).value!),
  );
  return lines.join("\n");
}

export async function digest(
  brokers: string,
  topic: string,
  kind: "input" | "output",
  signal: AbortSignal,
): Promise<Digest> {
  return JSON.parse(
    await run([
      "java",
      "-cp",
      javaClassPath(toolFolder),
      "bench.Digest",
      brokers,
      topic,
      kind,
    ], {
      signal: AbortSignal.any([signal, AbortSignal.timeout(DIGEST_TIMEOUT_MS)]),
    }),
  );
}

/** Empty when the outputs are what the job should have made of the input. */
export function differences(
  input: Digest,
  output: Digest,
  committed: number,
): readonly string[] {
  const found: string[] = [];
  const repeated = output.records - input.records;
  if (repeated < 0) found.push(`${-repeated} outputs are missing`);
  if (repeated > 0) found.push(`${repeated} outputs too many`);
  if (repeated === 0 && output.content !== input.content) {
    found.push("outputs are wrong");
  } else if (repeated === 0 && output.order !== input.order) {
    found.push("the order of a key is wrong");
  }
  const uncommitted = input.records - committed;
  if (uncommitted > 0) found.push(`${uncommitted} inputs are not committed`);
  return found;
}
