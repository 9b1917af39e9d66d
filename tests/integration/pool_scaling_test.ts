/** The number of threads changes while the job runs. */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import {
  assertEveryLogin,
  createInput,
  groupGenerations,
  Job,
  patience,
  topicsOf,
} from "../support/job.ts";
import { paced } from "../support/load.ts";
import { loginRecords } from "../support/login_fixture.ts";
import { eventually } from "../support/wait.ts";

const partitions = 12;
const recordsPerSecond = 6_000;
const counts = [1, 4, 2, 4, 1, 3];

clusterSteps("the number of workers", {}, {
  "follows the settings file, and neither the group nor a record notices":
    scales,
  "stays as it is when the settings file is wrong": refuses,
});

async function scales(fixture: ClusterFixture): Promise<void> {
  const { cluster, client } = fixture;
  const name = "scaling";
  await createInput(cluster, client, { name, partitions });
  const file = `${fixture.folder}/${name}.jsonc`;
  await Deno.writeTextFile(file, settings(counts[0]!));
  await using job = start(fixture, name, file);
  await job.logged("partitions assigned");
  await spread(job, counts[0]!);

  // The load ends when the last change is over.
  let scaled = false;
  let sent = 0;
  function* endless() {
    for (const record of loginRecords(Infinity, { seed: 1 })) {
      if (scaled) return;
      sent++;
      yield record;
    }
  }
  const { input, output } = topicsOf(name);
  const load = client.produce(input, paced(endless(), { recordsPerSecond }));
  try {
    for (const workers of counts.slice(1)) {
      await consumesMore(job);
      await Deno.writeTextFile(file, settings(workers));
      job.child.signal("SIGHUP");
      await spread(job, workers);
    }
    await consumesMore(job);
  } finally {
    scaled = true;
    await load;
  }
  await job.consumed(sent);
  const { consumed } = await job.stop();

  assert.equal(consumed, sent);
  assert.equal(await assertEveryLogin(client, output, sent), 0, "repeated");
  assert.equal(job.log("partitions assigned").length, 1);
  assert.equal(await groupGenerations(cluster, name), 1);
}

async function refuses(fixture: ClusterFixture): Promise<void> {
  const { cluster, client } = fixture;
  const name = "refusing";
  await createInput(cluster, client, { name, partitions });
  const file = `${fixture.folder}/${name}.jsonc`;
  await Deno.writeTextFile(file, settings(2));
  await using job = start(fixture, name, file);
  await spread(job, 2);

  await Deno.writeTextFile(file, `{ "workers": "many" }`);
  job.child.signal("SIGHUP");
  const { problems } = await job.logged("settings not taken over");
  assert.match(String(problems), /workers/);
  await spread(job, 2);
  await job.stop();
}

function start(
  { cluster }: ClusterFixture,
  name: string,
  settingsFile: string,
): Job {
  return Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: { ...patience, SWITCHYARD_CONFIG: settingsFile, WORKERS: "" },
  });
}

const settings = (workers: number) =>
  `{
  // Written by a test.
  "workers": ${workers},
}`;

/** Waits until so many workers share the partitions evenly. */
async function spread(job: Job, workers: number): Promise<void> {
  await eventually(
    async () => {
      const status = await job.status();
      const running = status.workers.filter((each) => each.state === "running");
      const counts = running.map((each) => each.partitions.length);
      const owned = counts.reduce((sum, each) => sum + each, 0);
      return status.workers.length === workers && running.length === workers &&
        owned === partitions && Math.min(...counts) > 0;
    },
    { what: `spread over ${workers} workers`, timeoutMs: 60_000 },
  );
}

/** Waits until the job has settled something that it had not before. */
async function consumesMore(job: Job): Promise<void> {
  const before = (await job.status()).totals.consumed;
  await job.consumed(before + recordsPerSecond / 2);
}
