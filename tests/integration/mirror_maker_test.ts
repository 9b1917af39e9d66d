/** The real MirrorMaker 2 that other tests compare with and hand over to. */
import assert from "node:assert/strict";
import {
  IndependentClient,
  type KafkaRecord,
  type NewRecord,
} from "../support/independent_client.ts";
import { type KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import {
  MirrorMaker,
  type MirrorMakerOptions,
  withMirrorMaker,
} from "../support/mirror_maker.ts";
import { isRunning } from "../support/process_state.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

/** Not long ago, or retention deletes them before they are read. */
const FIRST_MS = Date.now() - 60_000;

const RECORDS: readonly NewRecord[] = [
  { key: "a", value: "first", partition: 0, timestampMs: FIRST_MS },
  { key: null, value: "keyless", partition: 1, timestampMs: FIRST_MS + 1 },
  { key: "a", value: null, partition: 0, timestampMs: FIRST_MS + 2 },
  {
    key: "b",
    value: "with headers",
    partition: 1,
    timestampMs: FIRST_MS + 3,
    headers: [{ name: "h", value: "1" }, { name: "h", value: null }],
  },
];

interface TwoClusters {
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
}

function twoClusters(use: (clusters: TwoClusters) => Promise<void>) {
  const small = { heapMb: 256 };
  return withCluster(
    small,
    (source) =>
      withCluster(
        { ...small, nodeIdBase: 101 },
        (target) => use({ source, target }),
      ),
  );
}

function flow({ source, target }: TwoClusters): MirrorMakerOptions {
  return {
    source: { alias: "primary", brokers: source.bootstrapServers },
    target: { alias: "secondary", brokers: target.bootstrapServers },
    topics: ["copied"],
    heapMb: 128,
  };
}

/** Its JVM ends with it, so that another one may run. */
async function produce(cluster: KafkaCluster, topic: string): Promise<void> {
  await using client = await IndependentClient.connect(
    cluster.bootstrapServers,
  );
  await client.produce(topic, RECORDS);
}

/** Of the topic, once everything is there `times` times. */
async function copies(
  client: IndependentClient,
  topic: string,
  times = 1,
): Promise<KafkaRecord[]> {
  return await eventually(async () => {
    if (!(await client.topics()).includes(topic)) return null;
    const records = await client.readTopic(topic, {
      isolation: "read_committed",
    });
    return records.length < times * RECORDS.length ? null : records;
  }, { what: `all of ${topic} copied`, timeoutMs: 60_000 });
}

/** What a record is, wherever and at whichever offset it is. */
function content(record: NewRecord | KafkaRecord) {
  const bytes = (value: Uint8Array | string | null | undefined) =>
    value?.length === undefined ? null : new TextDecoder().decode(
      typeof value === "string" ? new TextEncoder().encode(value) : value,
    );
  return {
    partition: record.partition,
    timestampMs: record.timestampMs,
    key: bytes(record.key),
    value: bytes(record.value),
    headers: (record.headers ?? [])
      .map(({ name, value }) => ({ name, value: bytes(value) })),
  };
}

function assertCopied(records: readonly KafkaRecord[], times = 1): void {
  for (const partition of [0, 1]) {
    const once = RECORDS.filter((record) => record.partition === partition);
    assert.deepEqual(
      records.filter((record) => record.partition === partition).map(content),
      Array.from({ length: times }, () => once.map(content)).flat(),
    );
  }
}

realKafkaTest(
  "MirrorMaker copies records with keys, headers, timestamps and partitions, and leaves nothing",
  () =>
    twoClusters(async (clusters) => {
      await clusters.source.createTopic("copied", 2);
      await clusters.source.createTopic("left-alone", 1);
      await produce(clusters.source, "copied");
      const { pid, folder } = await withMirrorMaker(
        { ...flow(clusters), tasks: 2 },
        async (mirrorMaker) => {
          await using client = await IndependentClient.connect(
            clusters.target.bootstrapServers,
          );
          assertCopied(await copies(client, "copied"));
          const topics = await client.topics();
          assert.ok(topics.includes("mm2-offsets.primary.internal"));
          assert.ok(!topics.includes("left-alone"));
          return mirrorMaker;
        },
      );
      assert.equal(isRunning(pid), false);
      await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
    }),
);

realKafkaTest(
  "MirrorMaker copies exactly once under the default policy, and goes on where it was stopped",
  () =>
    twoClusters(async (clusters) => {
      await clusters.source.createTopic("copied", 2);
      await produce(clusters.source, "copied");
      const options = {
        ...flow(clusters),
        isExactlyOnce: true,
        policy: "default",
      } as const;
      for (const pass of [1, 2]) {
        await withMirrorMaker(options, async (mirrorMaker) => {
          await using client = await IndependentClient.connect(
            clusters.target.bootstrapServers,
          );
          const records = await copies(client, "primary.copied", pass);
          assertCopied(records, pass);
          await mirrorMaker.stop();
        });
        if (pass === 1) await produce(clusters.source, "copied");
      }
    }),
);

realKafkaTest(
  "a MirrorMaker that ends at once says why, and where its log is",
  async () => {
    const nowhere = { alias: "primary", brokers: "not an address" };
    const error: Error = await MirrorMaker.start({
      source: nowhere,
      target: { ...nowhere, alias: "secondary" },
      topics: ["copied"],
    }).then(() => assert.fail("it started"), (error) => error);
    assert.match(error.message, /ended \(see .*not an address/s);
    const [, file] = /\(see (.*)\)/.exec(error.message)!;
    await Deno.remove(file!.replace(/\/mm2\.log$/, ""), { recursive: true });
  },
);
