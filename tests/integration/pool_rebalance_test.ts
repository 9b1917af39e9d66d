/**
 * Instances and threads that come and go in order, on real Kafka, under load.
 * `SWITCHYARD_REBALANCES=10` makes the long form: how often an instance comes.
 */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import type { IndependentClient } from "../support/independent_client.ts";
import {
  createInput,
  Job,
  patience,
  patienceOfKip848,
  topicsOf,
} from "../support/job.ts";
import {
  checkJob,
  committedTotal,
  indexed,
  type Inputs,
  type JobTopics,
} from "../support/job_checker.ts";
import type { JobSummary } from "../support/job_process.ts";
import { paced } from "../support/load.ts";
import { loginRecord } from "../support/login_fixture.ts";
import { sized } from "../support/soak.ts";
import { eventually, within } from "../support/wait.ts";

const visits = sized(2, 20);
const some = 3_000;
const perSecond = 4_000;
const deadlineMs = 90_000;

/** Under KIP-848 a member hears of a rebalance by its next heartbeat. */
const config = {
  "group.consumer.heartbeat.interval.ms": "500",
  "group.consumer.min.heartbeat.interval.ms": "500",
};

clusterSteps("what comes and goes in order loses and repeats nothing", {
  config,
}, {
  "instances under the classic protocol": (fixture) =>
    instances(fixture, "classic", patience),
  "instances under KIP-848": (fixture) =>
    instances(fixture, "kip-848", patienceOfKip848),
  "threads of one instance": threads,
});

async function instances(
  fixture: ClusterFixture,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const brokers = fixture.cluster.bootstrapServers;
  await using load = await Load.start(fixture, name);
  await using stack = new AsyncDisposableStack();
  const summaries: JobSummary[] = [];
  const join = async () => {
    const job = stack.use(Job.start({ brokers, name, env }));
    await job.logged(
      /partitions assigned","switchyard.partitions":"\d/,
      deadlineMs,
    );
    return job;
  };
  const leave = async (job: Job) => {
    summaries.push(await job.stop(deadlineMs));
  };

  let resident = await join();
  for (let visit = 0; visit < visits; visit++) {
    const guest = await join();
    await load.settlesMore(some);
    // In turns the one that came last leaves, and the one that came first.
    const leaving = visit % 2 === 0 ? guest : resident;
    resident = leaving === guest ? resident : guest;
    await leave(leaving);
    await load.settlesMore(some);
  }
  // Both at once: nobody is left to take over.
  const guest = await join();
  await load.settlesMore(some);
  await Promise.all([leave(resident), leave(guest)]);
  const last = await join();
  await load.settlesAll();
  await leave(last);

  const count = await load.check();
  // What one of them counted, no other did.
  const consumed = summaries.map((each) => each.consumed);
  assert.equal(consumed.reduce((sum, each) => sum + each), count);
}

async function threads(fixture: ClusterFixture): Promise<void> {
  const { cluster, folder } = fixture;
  const name = "threads";
  const settings = `${folder}/switchyard.jsonc`;
  const setWorkers = (workers: number) =>
    Deno.writeTextFile(settings, JSON.stringify({ workers }));
  await setWorkers(1);
  await using load = await Load.start(fixture, name);
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: { ...patience, WORKERS: "", SWITCHYARD_CONFIG: settings },
  });
  await job.logged("partitions assigned");
  for (const workers of [4, 1, 3, 2, 4, 1]) {
    await setWorkers(workers);
    job.child.signal("SIGHUP");
    await load.settlesMore(some / 2);
  }
  await load.settlesAll();
  const { consumed } = await job.stop(deadlineMs);
  assert.equal(consumed, await load.check());
  assert.equal(job.log("partitions assigned").length, 1);
}

/** Logins that keep coming, and a check of what became of them. */
class Load implements AsyncDisposable {
  static async start(
    { cluster, client }: ClusterFixture,
    name: string,
  ): Promise<Load> {
    await createInput(cluster, client, { name, partitions: 8 });
    return new Load(client, topicsOf(name));
  }

  readonly #client: IndependentClient;
  readonly #topics: JobTopics;
  readonly #inputs = logins(Number.MAX_SAFE_INTEGER);
  readonly #stop = new AbortController();
  readonly #sent: Promise<number>;

  private constructor(client: IndependentClient, topics: JobTopics) {
    this.#client = client;
    this.#topics = topics;
    this.#sent = client.produce(
      topics.input,
      paced(indexed(this.#inputs), {
        recordsPerSecond: perSecond,
        signal: this.#stop.signal,
      }),
    );
    this.#sent.catch(() => {}); // `#end` has the error
  }

  /** Waits until so many more are committed. */
  async settlesMore(records: number): Promise<void> {
    await this.#settles(records + await this.#settled());
  }

  /** Ends the load, and waits until all of it is committed. */
  async settlesAll(): Promise<void> {
    await this.#settles(await this.#end());
  }

  /** Returns how many there were. */
  async check(): Promise<number> {
    const count = await this.#end();
    const inputs = { ...this.#inputs, count };
    const found = await checkJob(this.#client, inputs, this.#topics);
    const { wrong, missing, repeated, outOfOrder } = found;
    assert.deepEqual({ wrong, missing, repeated, outOfOrder }, {
      wrong: [],
      missing: 0,
      repeated: 0,
      outOfOrder: 0,
    });
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#sent.catch(() => {});
  }

  async #end(): Promise<number> {
    this.#stop.abort();
    return await within(this.#sent, deadlineMs, "all sent");
  }

  #settled(): Promise<number> {
    return committedTotal(this.#client, this.#topics);
  }

  async #settles(records: number): Promise<void> {
    await eventually(async () => await this.#settled() >= records, {
      what: `committed ${records}`,
      timeoutMs: deadlineMs,
    });
  }
}

function logins(count: number): Inputs {
  const options = { seed: 5, malformedShare: 0.02, users: 1_000 };
  const startMs = Date.now();
  return {
    count,
    record: (index) => ({
      ...loginRecord(index, options),
      timestampMs: startMs + index % 1000,
    }),
  };
}
