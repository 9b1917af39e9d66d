/** Reads a drill's topics, with clients of its own. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type {
  Claim,
  Observed,
  Seen,
  SeenOutput,
} from "../../../dr/drill/mod.ts";
import { maySettle } from "../../../dr/cut/requests.ts";
import { partitionsOf } from "../../../dr/partitions.ts";
import {
  Admin,
  type Batch,
  type ClientProperties,
  type ConsumerProperties,
  headerName,
  KafkaError,
  type Library,
  ReadError,
  readTopic,
  wholeTopic,
} from "../../kafka/mod.ts";

export interface ObserverOptions {
  readonly library: Library;
  readonly properties: ConsumerProperties;
  readonly admin: ClientProperties;
  readonly inputTopic: string;
  readonly outputTopic: string;
}

const REQUEST_MS = 5_000;
/** More than enough for the records of a drill. */
const DIGEST_LETTERS = 16;

const INPUT = z.object({ id: z.int() });
const OUTPUT = z.object({ id: z.int(), ordinal: z.int() });

/** @throws {KafkaError | ReadError} where the cluster does not answer. */
export async function observe(
  options: ObserverOptions,
  signal: AbortSignal,
): Promise<Observed> {
  // A new one, which does not wait to connect again to what was away.
  await using admin = adminOf(options);
  const { clusterId } = await admin.describeCluster({
    timeoutMs: REQUEST_MS,
    signal,
  });
  const { inputTopic, outputTopic } = options;
  // In this order: of each output that is seen, its input would be, too.
  const outputs = await all(
    options,
    admin,
    outputTopic,
    (batch, index): SeenOutput => ({
      ...OUTPUT.parse(JSON.parse(batch.text(index) ?? "null")),
      ...recordOf(batch, index),
      writtenMs: batch.timestamp(index),
      claim: claimOf(batch.headerText(index, COORDINATES)),
    }),
    signal,
  );
  const inputs = await all(
    options,
    admin,
    inputTopic,
    (batch, index): Seen => ({
      id: INPUT.parse(JSON.parse(batch.text(index) ?? "null")).id,
      ...recordOf(batch, index),
    }),
    signal,
  );
  return { clusterId, inputs, outputs };
}

const recordOf = (batch: Batch, index: number) => ({
  partition: batch.tp(index).partition,
  offset: batch.offset(index),
  key: batch.keyText(index),
  value: batch.text(index),
  digest: digestOf(batch, index),
});

export function digestOf(batch: Batch, index: number): string {
  const base64 = (bytes: Uint8Array | null) => bytes?.toBase64() ?? null;
  const headers = batch.mayHaveHeaders(index) ? batch.headers(index) : [];
  const record = [
    batch.timestamp(index),
    base64(batch.key(index)),
    base64(batch.value(index)),
    ...headers.map(({ key, value }) => [key, base64(value)]),
  ];
  return createHash("sha256").update(JSON.stringify(record)).digest("base64url")
    .slice(0, DIGEST_LETTERS);
}

const COORDINATES = headerName("switchyard.coordinates");
const CLAIM =
  /^(?<clusterId>[^/]+)\/[^/]+\/(?<partition>\d+)\/(?<offset>\d+)\/(?<ordinal>\d+)\//;

/** Read by what docs/guarantees.md says of the header, not by the pool's code. */
function claimOf(header: string | null): Claim | null {
  const found = CLAIM.exec(header ?? "");
  if (found === null) return null;
  const { clusterId, offset, ordinal, partition } = found.groups!;
  return {
    clusterId: clusterId!,
    partition: Number(partition),
    offset: Number(offset),
    ordinal: Number(ordinal),
  };
}

/** Brokers that have just started do not know yet who leads. */
export const mayAnswerYet = (error: unknown): boolean =>
  error instanceof ReadError ||
  error instanceof KafkaError && maySettle(error);

/**
 * The end of what read_committed readers see, of all partitions together.
 * @throws {KafkaError}
 */
export async function stableEndOf(
  admin: Admin,
  topic: string,
): Promise<number> {
  const count = (await admin.partitionCounts(REQUEST_MS)).get(topic) ?? 0;
  const answers = await admin.partitions.offsets(
    partitionsOf(topic, count).map((tp) => ({ ...tp, at: "latest" })),
    { timeoutMs: REQUEST_MS, readCommitted: true },
  );
  return answers.reduce((sum, { error, offset }) => {
    if (error !== null) throw error;
    return sum + (offset ?? 0);
  }, 0);
}

export const adminOf = (
  { admin, library }: Pick<ObserverOptions, "admin" | "library">,
): Admin => new Admin(library, { ...admin, "log_level": 0 });

async function all<T>(
  { library, properties }: ObserverOptions,
  admin: Admin,
  topic: string,
  seen: (batch: Batch, index: number) => T,
  signal: AbortSignal,
): Promise<T[]> {
  const ranges = await wholeTopic(admin, topic, { timeoutMs: REQUEST_MS });
  const found: T[] = [];
  const batches = readTopic({
    library,
    properties,
    topic,
    ranges,
    signal,
  });
  for await (const batch of batches) {
    for (let at = 0; at < batch.count; at++) found.push(seen(batch, at));
  }
  signal.throwIfAborted();
  return found;
}
