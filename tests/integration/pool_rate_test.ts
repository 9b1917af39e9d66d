/**
 * Rate limits. What is asserted is how much may be done up to a moment: a slow
 * machine does less, and never more.
 */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import type { KafkaRecord } from "../support/independent_client.ts";
import { createInput, Job, topicsOf } from "../support/job.ts";

const partitions = 4;
const workers = 2;
/** Several seconds of work under each limit. */
const logins = 12_000;
const recordsPerSecond = 2_500;
const kibPerSecond = 700;
/** Of a bucket, in seconds of its rate. */
const burstSeconds = 0.1;
/** What each worker may take at once while the bucket holds anything. */
const batchRecords = 100;

clusterSteps("the rate of an instance", {}, {
  "stays below so many records a second": (fixture) =>
    holds(fixture, {
      name: "records",
      env: { RATE_RECORDS: String(recordsPerSecond) },
      perSecond: recordsPerSecond,
      sizeOf: () => 1,
    }),
  "stays below so many KiB a second": (fixture) =>
    holds(fixture, {
      name: "bytes",
      env: { RATE_KBYTES: String(kibPerSecond) },
      perSecond: kibPerSecond * 1024,
      sizeOf: ({ key, value }) => (key?.length ?? 0) + (value?.length ?? 0),
    }),
  "changes with the settings file": changes,
});

/** Times are whole milliseconds, and which inputs came first is not known. */
const slack = 1.01;

interface Limit {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly perSecond: number;
  /** Of an input, in the limit's unit. */
  readonly sizeOf: (input: KafkaRecord) => number;
}

async function holds(
  { cluster, client }: ClusterFixture,
  { name, env, perSecond, sizeOf }: Limit,
): Promise<void> {
  await createInput(cluster, client, { name, partitions, logins });
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(logins)],
    env: {
      WORKERS: String(workers),
      BATCH_RECORDS: String(batchRecords),
      ...env,
    },
  });
  await job.done();
  // Nothing was fetched before.
  const startMs = Date.parse((await job.logged("partitions assigned")).time);

  const { input, output } = topicsOf(name);
  const sizes = (await client.readTopic(input)).map(sizeOf);
  const mean = sizes.reduce((sum, each) => sum + each, 0) / sizes.length;
  const atOnce = perSecond * burstSeconds +
    workers * batchRecords * Math.max(...sizes);
  const times = (await client.readTopic(output))
    .map(({ timestampMs }) => timestampMs).sort((a, b) => a - b);
  for (const [index, timeMs] of times.entries()) {
    const done = (index + 1) * mean;
    const allowed = slack *
      (atOnce + perSecond * (timeMs - startMs) / 1000);
    assert.ok(done <= allowed, `${done} of ${allowed} at ${index}`);
  }
}

async function changes(
  { cluster, client, folder }: ClusterFixture,
): Promise<void> {
  const name = "changing";
  await createInput(cluster, client, { name, partitions, logins });
  const file = `${folder}/${name}.jsonc`;
  // Would take longer than the test may.
  await Deno.writeTextFile(file, `{ "rateRecords": 20 }`);
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(logins)],
    env: { SWITCHYARD_CONFIG: file },
  });
  await job.consumed(1);
  await Deno.writeTextFile(file, "{}");
  job.child.signal("SIGHUP");
  await job.done();
}
