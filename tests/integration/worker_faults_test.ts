/**
 * Threads that fail while the rest of the process goes on: nothing is lost, the
 * group does not notice, and the partitions move.
 */
import assert from "node:assert/strict";
import {
  type ClusterFixture,
  type ClusterStep,
  clusterSteps,
} from "../support/cluster_steps.ts";
import type {
  IndependentClient,
  KafkaRecord,
} from "../support/independent_client.ts";
import {
  assertEveryLogin,
  createInput,
  groupGenerations,
  Job,
  type JobOptions,
  jsonOf,
  patience,
  topicsOf,
  uncommitted,
} from "../support/job.ts";
import { paced } from "../support/load.ts";
import { loginRecords } from "../support/login_fixture.ts";
import type { Trace } from "../support/processors/faulty.ts";
import { eventually } from "../support/wait.ts";

const partitions = 6;
const workers = 3;
const recordsPerSecond = 4_000;
const faultAt = 4_000;
/**
 * The design promises 2 s from the crash, or from the watchdog's verdict, and a
 * quiet machine takes 0.2 s. One that is busy starves threads: what it takes is
 * printed, and this is only a deadline.
 */
const movedWithinMs = 60_000;

const processor = new URL("../support/processors/faulty.ts", import.meta.url);

clusterSteps("threads that fail", {}, {
  "an error in a timer crashes one thread, and its partitions move": crashes(
    "throwLater",
  ),
  "a rejection that nobody handles does the same": crashes("rejectLater"),
  "a thread cannot end itself or the process: it crashes": crashes("exitLater"),
  "a handler that exits makes a dead letter": exitsInHandler,
  "a thread that hangs loses its partitions and never writes again": hangs,
  "a thread that hangs for ever does not keep the process from ending":
    hangsForEver,
  "a crash loop makes the process unhealthy": crashLoop,
});

function crashes(fault: string): ClusterStep {
  return async (fixture) => {
    const { client, cluster } = fixture;
    const logins = 12_000;
    await createInput(cluster, client, { name: fault, partitions });
    await using job = start(fixture, fault, {
      args: ["--messages", String(logins)],
    });
    await underLoad(fixture, job, fault, logins);
    await job.done();

    await assertEveryLogin(client, topicsOf(fault).output, logins);
    assert.equal(job.log("worker restarts").length, 1);
    assert.equal(job.log("partitions assigned").length, 1);
    assert.equal(await groupGenerations(cluster, fault), 1);
    const crash = await readTrace(markOf(fixture, fault));
    const moves = movesFrom(crash, await outputsOf(client, fault));
    assertMoved(moves, crash.at_ms);
  };
}

async function exitsInHandler(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "exit";
  const logins = 10_000;
  await createInput(cluster, client, { name, partitions, logins });
  await using job = start(fixture, name, {
    args: ["--messages", String(logins)],
    env: { RETRY_ATTEMPTS: "1" }, // it does so only once
  });
  const { produced, deadLettered } = await job.done();
  assert.deepEqual({ produced, deadLettered }, {
    produced: logins - 1,
    deadLettered: 1,
  });
  const [letter] = await client.readTopic(topicsOf(name).deadLetter);
  const reason = letter!.headers.find(({ name }) => name.endsWith(".reason"));
  const text = new TextDecoder().decode(reason!.value!);
  assert.match(text, /cannot end its thread or the process/);
}

async function hangs(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "hang";
  // They still come when the process has ended.
  const logins = 60_000;
  await createInput(cluster, client, { name, partitions });
  await using job = start(fixture, name, {
    // The watchdog judges threads that start, too. It has 3 s to speak, and the
    // thread then 2 s to wake before the process drains.
    env: { WATCHDOG_MS: "3000", FAULT_HANG_MS: "6000" },
  });
  const load = underLoad(fixture, job, name, logins);

  const verdictMs = Date.parse((await job.logged(/worker \d hangs/)).time);
  const livez = await job.get("/livez");
  assert.equal(livez.status, 503);
  assert.match(livez.text, /worker \d hangs/);
  const mark = markOf(fixture, name);
  await eventually(() => readTrace(`${mark}.woke`), { what: "awake again" });
  await job.failed();
  assert.equal(job.log("partitions assigned").length, 1);
  assert.equal(await groupGenerations(cluster, name), 1);

  await load;
  const hang = await readTrace(mark);
  const outputs = await outputsOf(client, name);
  assertMoved(movesFrom(hang, outputs), verdictMs);
  // The time of a record is that at which it was handed to librdkafka.
  const late = outputs.filter(({ record, trace }) =>
    trace.thread === hang.thread && record.timestampMs > verdictMs
  );
  assert.deepEqual(late.map(({ trace }) => trace), []);
  await startAgain(fixture, name, logins);
}

async function hangsForEver(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "hang-for-ever";
  const logins = 10_000;
  await createInput(cluster, client, { name, partitions, logins });
  await using job = start(fixture, name, {
    env: { FAULT: "hang", WATCHDOG_MS: "1000" },
  });
  await job.failed();
}

async function crashLoop(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "crash-loop";
  const logins = 10_000;
  await createInput(cluster, client, { name, partitions, logins });
  await using job = start(fixture, name, {
    env: {
      FAULT: "throwLater",
      FAULT_AT: "0",
      FAULT_MARK: "",
      // A crash that comes late may have let some records settle.
      RATE_RECORDS: "1000",
    },
  });
  const answer = await eventually(
    async () => {
      assert.ok(job.child.alive, job.child.lines("stderr").join("\n"));
      const answer = await job.get("/livez");
      return answer.status === 200 ? undefined : answer;
    },
    { what: "dead" },
  );
  assert.match(answer.text, /workers crash again and again/);
  await job.stop();
  assert.equal(job.log("partitions assigned").length, 1);
  await startAgain(fixture, name, logins);
}

function start(
  fixture: ClusterFixture,
  name: string,
  { args = [], env = {} }: Pick<JobOptions, "args" | "env">,
): Job {
  return Job.start({
    brokers: fixture.cluster.bootstrapServers,
    name,
    args,
    env: {
      ...patience,
      PROCESSOR: processor.pathname,
      FAULT: name,
      FAULT_AT: String(faultAt),
      FAULT_MARK: markOf(fixture, name),
      WORKERS: String(workers),
      ...env,
    },
  });
}

/** Sends logins as they would come, so that no record waits behind others. */
async function underLoad(
  { client }: ClusterFixture,
  job: Job,
  name: string,
  logins: number,
): Promise<void> {
  await job.logged("partitions assigned");
  const records = loginRecords(logins, { seed: 1 });
  const { input } = topicsOf(name);
  await client.produce(input, paced(records, { recordsPerSecond }));
}

/** Without the fault: finishes what is left, and nothing may lack then. */
async function startAgain(
  { client, cluster }: ClusterFixture,
  name: string,
  logins: number,
): Promise<void> {
  const left = await uncommitted(client, name);
  if (left > 0) {
    await using job = Job.start({
      brokers: cluster.bootstrapServers,
      name,
      args: ["--messages", String(left)],
      env: { PROCESSOR: processor.pathname },
    });
    await job.done();
  }
  await assertEveryLogin(client, topicsOf(name).output, logins);
}

const markOf = ({ folder }: ClusterFixture, name: string) =>
  `${folder}/${name}`;

const readTrace = async (file: string): Promise<Trace> =>
  JSON.parse(await Deno.readTextFile(file));

interface TracedOutput {
  readonly record: KafkaRecord;
  readonly trace: Trace;
}

async function outputsOf(
  client: IndependentClient,
  name: string,
): Promise<TracedOutput[]> {
  const records = await client.readTopic(topicsOf(name).output);
  return records.map((record) => ({ record, trace: jsonOf<Trace>(record) }));
}

/**
 * By partition that the failed thread had, when another one went on with it.
 * An output has the partition of its input, because it has the same key.
 */
function movesFrom(
  fault: Trace,
  outputs: readonly TracedOutput[],
): Map<number, number> {
  const had = new Map<number, Trace>();
  const moved = new Map<number, number>();
  for (const { record: { partition }, trace } of outputs) {
    if (trace.at_ms <= fault.at_ms) had.set(partition, trace);
    else if (
      had.get(partition)?.thread === fault.thread &&
      trace.thread !== fault.thread && !moved.has(partition)
    ) moved.set(partition, trace.at_ms);
  }
  return moved;
}

function assertMoved(moves: ReadonlyMap<number, number>, sinceMs: number) {
  assert.notEqual(moves.size, 0);
  for (const [partition, atMs] of moves) {
    const tookMs = atMs - sinceMs;
    console.log(`partition ${partition} went on after ${tookMs} ms`);
    assert.ok(tookMs <= movedWithinMs);
  }
}
