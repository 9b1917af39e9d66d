import assert from "node:assert/strict";
import {
  type Consumer,
  ErrorCode,
  KafkaError,
  type PartitionAnswer,
  type PartitionOffset,
} from "../../src/kafka/mod.ts";
import { Commits } from "../../src/pool/commits.ts";
import { Partitions } from "../../src/pool/partitions.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";

interface Call {
  readonly offsets: readonly PartitionOffset[];
  /** The cluster has taken all, or has these errors by partition. */
  answer(errors?: Readonly<Record<number, KafkaError>>): void;
  fail(error: unknown): void;
}

/** Two partitions that have settled up to 10 and 20, and a slow cluster. */
function committing() {
  const partitions = new Partitions();
  const worker = {} as WorkerThread;
  const [first, second] = [0, 1].map((partition) =>
    partitions.add({ topic: "in", partition }, 0, { offset: 0, metadata: "" })
  ) as [ReturnType<Partitions["add"]>, ReturnType<Partitions["add"]>];
  const settle = (partition: typeof first, next: number) =>
    partitions.settle({ ...partitions.own(partition, worker), next });
  settle(first, 10);
  settle(second, 20);
  const calls: Call[] = [];
  const consumer: Pick<Consumer, "commit"> = {
    commit(offsets) {
      const { promise, resolve, reject } = Promise.withResolvers<
        PartitionAnswer[]
      >();
      calls.push({
        offsets,
        answer: (errors = {}) =>
          resolve(offsets.map(({ topic, partition, offset }) => ({
            topic,
            partition,
            offset: offset as number,
            metadata: "",
            leaderEpoch: null,
            error: errors[partition] ?? null,
          }))),
        fail: reject,
      });
      return promise;
    },
  };
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const commits = new Commits(consumer as Consumer, partitions, log);
  return { partitions, first, second, settle, calls, commits, lines };
}

const error = (code: number, retriable = false) =>
  new KafkaError("no", { code, codeName: "CODE", retriable });

/** Lets a commit reach the cluster. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

const due = (partitions: Partitions) =>
  partitions.uncommitted().map(({ partition, offset }) => [partition, offset]);

Deno.test("what has settled is committed and not due any more", async () => {
  const { partitions, calls, commits } = committing();
  const done = commits.commit();
  await turn();
  assert.deepEqual(calls[0]!.offsets, [
    { topic: "in", partition: 0, offset: 10, metadata: "" },
    { topic: "in", partition: 1, offset: 20, metadata: "" },
  ]);
  calls[0]!.answer();
  await done;
  assert.deepEqual(due(partitions), []);
  await commits.commit();
  assert.equal(calls.length, 1, "nothing to say");
});

Deno.test("some partitions can be committed without the others", async () => {
  const { partitions, second, calls, commits } = committing();
  const done = commits.commit([second]);
  await turn();
  calls[0]!.answer();
  await done;
  assert.deepEqual(due(partitions), [[0, 10]]);
});

Deno.test("what settles during a commit is due to the next one, which waits for the first", async () => {
  const { partitions, first, settle, calls, commits } = committing();
  const one = commits.commit();
  await turn();
  settle(first, 15);
  const two = commits.commit();
  await turn();
  assert.equal(calls.length, 1);
  calls[0]!.answer();
  await one;
  await turn();
  assert.deepEqual(calls[1]!.offsets, [
    { topic: "in", partition: 0, offset: 15, metadata: "" },
  ]);
  calls[1]!.answer();
  await two;
  assert.deepEqual(due(partitions), []);
});

Deno.test("a partition that the cluster refuses stays due and is told, the others are done", async () => {
  const { partitions, calls, commits, lines } = committing();
  const done = commits.commit();
  await turn();
  calls[0]!.answer({ 1: error(ErrorCode.unknownTopicOrPartition) });
  await done;
  assert.deepEqual(due(partitions), [[1, 20]]);
  assert.deepEqual(lines.map(({ level, message }) => [level, message]), [
    ["warn", "commit failed"],
  ]);
});

for (
  const [what, problem] of [
    ["that passes", error(ErrorCode.timedOut, true)],
    ["of a rebalance", error(ErrorCode.illegalGeneration)],
  ] as const
) {
  Deno.test(`after an error ${what} everything stays due and the next commit goes on`, async () => {
    const { partitions, calls, commits } = committing();
    const failed = commits.commit();
    await turn();
    calls[0]!.fail(problem);
    await failed;
    assert.deepEqual(due(partitions), [[0, 10], [1, 20]]);
    const next = commits.commit();
    await turn();
    calls[1]!.answer();
    await next;
    assert.deepEqual(due(partitions), []);
  });
}

Deno.test("an error for good is passed on", async () => {
  for (
    const problem of [
      error(ErrorCode.groupAuthorizationFailed),
      new TypeError("a mistake of ours"),
    ]
  ) {
    const { calls, commits } = committing();
    const failed = commits.commit();
    await turn();
    calls[0]!.fail(problem);
    await assert.rejects(failed, problem);
  }
});

Deno.test("once they have ended no commit begins, not even one that waited for another", async () => {
  const { calls, commits } = committing();
  const first = commits.commit();
  await Promise.resolve();
  const second = commits.commit();
  commits.end();
  calls[0]!.answer();
  await first;
  await second;
  await commits.commit();
  assert.equal(calls.length, 1);
});
