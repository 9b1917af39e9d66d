/** Threads whose JavaScript heap grows: slowly, and all at once. */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import {
  assertEveryLogin,
  createInput,
  groupGenerations,
  Job,
  patience,
  topicsOf,
  uncommitted,
} from "../support/job.ts";

const processor = new URL("../support/processors/faulty.ts", import.meta.url);

clusterSteps("workers whose memory grows", {}, {
  "one that leaks is replaced, which nobody else notices": leaks,
  "one that runs out of memory ends the process, a restart loses nothing":
    runsOut,
});

async function leaks({ cluster, client }: ClusterFixture): Promise<void> {
  const name = "leak";
  const logins = 32_000;
  await createInput(cluster, client, { name, partitions: 4, logins });
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(logins)],
    env: {
      ...patience,
      PROCESSOR: processor.pathname,
      // 256 MB in all: several times what two workers may have.
      FAULT_LEAK_BYTES: "8000",
      WORKER_HEAP_MB: "64",
      RATE_RECORDS: "8000",
    },
  });
  await job.done();

  const replaced = job.log("worker replaced");
  assert.ok(replaced.length >= 2, `${replaced.length} replaced`);
  assert.equal(job.log("worker restarts").length, 0);
  const { output } = topicsOf(name);
  assert.equal(await assertEveryLogin(client, output, logins), 0, "repeated");
  assert.equal(job.log("partitions assigned").length, 1);
  assert.equal(await groupGenerations(cluster, name), 1);
}

async function runsOut({ cluster, client }: ClusterFixture): Promise<void> {
  const name = "out-of-memory";
  const logins = 20_000;
  await createInput(cluster, client, { name, partitions: 4, logins });
  const env = {
    PROCESSOR: processor.pathname,
    PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "6000",
  };
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: {
      ...env,
      FAULT: "outOfMemory",
      FAULT_AT: "10000",
      // V8's own limit, which is some GB by default.
      DENO_V8_FLAGS: "--max-old-space-size=128",
      RATE_RECORDS: "10000",
    },
  });
  const { success } = await job.child.exit(60_000);
  assert.equal(success, false);
  assert.match(job.child.lines("stderr").join("\n"), /out of memory/);

  const left = await uncommitted(client, name);
  assert.ok(left > 0 && left < logins, `${left} of ${logins} left`);
  await using restarted = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(left)],
    env,
  });
  await restarted.done();
  await assertEveryLogin(client, topicsOf(name).output, logins);
}
