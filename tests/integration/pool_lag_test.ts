/** What the pool, and Kafka's own positions, say of offsets without records. */
import assert from "node:assert/strict";
import {
  type ClusterFixture,
  type ClusterStep,
  clusterSteps,
} from "../support/cluster_steps.ts";
import {
  createInput,
  Job,
  type JobStatus,
  patience,
  topicsOf,
  uncommitted,
} from "../support/job.ts";
import { byPartition, sumIn } from "../support/metrics_page.ts";
import { eventually } from "../support/wait.ts";

const held = new URL("../support/processors/held.ts", import.meta.url).pathname;

clusterSteps("lag", {}, {
  "nothing is behind where partitions end in a marker or in aborted records":
    ends("at-least-once"),
  "nor is it exactly once": ends("exactly-once"),
  "records that are not done are behind, though only aborted ones come after":
    waits("at-least-once"),
  "so they are exactly once": waits("exactly-once"),
  "records behind an open transaction are behind until it has ended": stays,
});

type Guarantee = "at-least-once" | "exactly-once";

/** One for each partition that is named. */
const records = (...partitions: readonly number[]) =>
  partitions.map((partition) => ({
    key: "key",
    partition,
    value: JSON.stringify({ partition }),
  }));

const lagsOf = ({ partitions }: JobStatus) => partitions.map(({ lag }) => lag);

function start(
  { cluster, folder }: ClusterFixture,
  name: string,
  guarantee: Guarantee,
): Job {
  return Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: {
      ...patience,
      COMMIT_INTERVAL_MS: "50",
      GUARANTEE: guarantee,
      HELD_BY: `${folder}/${name}`,
      PROCESSOR: held,
      WORKERS: "1",
    },
  });
}

/** The ends of all partitions, and that nothing is said to be before them. */
async function atRest(
  { client }: ClusterFixture,
  name: string,
  job: Job,
  ends: readonly number[],
): Promise<void> {
  const { group, input } = topicsOf(name);
  // Markers, of offsets as well, come after the answer to who has committed.
  await eventually(async () => {
    const marks = await client.watermarks(input);
    assert.deepEqual(marks.map(({ high }) => high), ends);
    return true;
  }, { what: "ended by markers" });
  await eventually(async () => {
    const { lag, partitions } = await job.status();
    assert.deepEqual(
      partitions.map(({ committed, end, lag }) => ({ committed, end, lag })),
      ends.map((end) => ({ committed: end, end, lag: 0 })),
    );
    return lag === 0;
  }, { what: "nothing behind" });
  const { text: page } = await job.get("/metrics");
  const none = ends.map(() => 0);
  const told = (metric: string) =>
    byPartition(page, `kafka_consumergroup_group_${metric}`);
  assert.deepEqual(told("lag"), none);
  assert.deepEqual(told("lag_seconds"), none);
  assert.deepEqual(told("offset"), ends);
  await eventually(async () => {
    const committed = await client.committedOffsets(group, input);
    assert.deepEqual(committed.map((each) => each?.offset), ends);
    return true;
  }, { what: "committed" });
}

function ends(guarantee: Guarantee): ClusterStep {
  return async (fixture) => {
    const { client } = fixture;
    const name = `ends-${guarantee}`;
    const { input } = topicsOf(name);
    await createInput(fixture.cluster, client, { name, partitions: 3 });
    await client.produce(input, records(0, 0, 1), { transaction: "commit" });
    await client.produce(input, records(1, 2, 2), { transaction: "abort" });
    await using job = start(fixture, name, guarantee);
    await job.consumed(3);
    await atRest(fixture, name, job, [3, 4, 3]);

    const commits = async () =>
      sumIn(
        (await job.get("/metrics")).text,
        "messaging_client_operation_duration_seconds_count",
        { messaging_operation_name: "commit" },
      );
    const before = await commits();
    await client.produce(input, records(2), { transaction: "abort" });
    await atRest(fixture, name, job, [3, 4, 5]);
    assert.equal(await commits(), before + 1);
    const { consumed } = await job.stop();
    assert.equal(consumed, 3);
    assert.equal(await uncommitted(client, name), 0);
  };
}

function waits(guarantee: Guarantee): ClusterStep {
  return async (fixture) => {
    const { client, folder } = fixture;
    const name = `waits-${guarantee}`;
    const { group, input } = topicsOf(name);
    await createInput(fixture.cluster, client, { name, partitions: 2 });
    await Deno.writeTextFile(`${folder}/${name}`, "");
    await using job = start(fixture, name, guarantee);
    await client.produce(input, records(0, 0), { transaction: "commit" });
    await client.produce(input, records(0), { transaction: "abort" });
    // The end of this one is met after that of the other.
    await client.produce(input, records(1), { transaction: "abort" });
    await eventually(async () => {
      const committed = await client.committedOffsets(group, input);
      return committed[1]?.offset === 2;
    }, { what: "at the end of the other" });
    await eventually(async () => {
      assert.deepEqual(lagsOf(await job.status()), [5, 0]);
      return true;
    }, { what: "behind" });
    const [committed] = await client.committedOffsets(group, input);
    assert.equal(committed, undefined);

    await Deno.remove(`${folder}/${name}`);
    await job.consumed(2);
    await atRest(fixture, name, job, [5, 2]);
    await job.stop();
  };
}

async function stays(fixture: ClusterFixture): Promise<void> {
  const { client } = fixture;
  const name = "stays";
  const { input } = topicsOf(name);
  await createInput(fixture.cluster, client, { name, partitions: 1 });
  await using job = start(fixture, name, "at-least-once");
  await client.write([{ transactionalId: name }, {}], async (session) => {
    await session.begin(0);
    await session.send(0, input, records(0)[0]!);
    await session.flush(0);
    await session.send(1, input, records(0)[0]!);
    await session.flush(1);
    await eventually(async () => (await job.status()).lag === 2, {
      what: "behind",
    });
    await session.abort(0);
  });
  await job.consumed(1);
  await atRest(fixture, name, job, [3]);
  await job.stop();
}
