/** What is known of brokers and partitions, and what that means. */
import assert from "node:assert/strict";
import {
  bootstrapAddresses,
  nameBrokers,
} from "../../dr/health/known_brokers.ts";
import { judge } from "../../dr/health/brokers_probe.ts";
import { judgePartitions } from "../../dr/health/judge_partitions.ts";
import { isRefusal, outcomeOf } from "../../dr/health/probe.ts";
import {
  ErrorCode,
  KafkaError,
  type PartitionDescription,
  type TopicMetadata,
} from "../../src/kafka/mod.ts";

const brokers = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ host: "h", port: at + 1 }));

const error = (code: number) =>
  new KafkaError(`error ${code}`, { code, codeName: `${code}` });

Deno.test("more than half of the brokers must answer", () => {
  const kind = (answering: number, count: number) =>
    judge(
      brokers(count),
      brokers(count).map((_, at) => at < answering ? "answers" : "refuses"),
    ).kind;
  assert.deepEqual([kind(1, 1), kind(0, 1)], ["passed", "failed"]);
  assert.deepEqual([kind(2, 2), kind(1, 2)], ["passed", "failed"]);
  assert.deepEqual([kind(2, 3), kind(1, 3)], ["passed", "failed"]);
  assert.deepEqual([kind(3, 4), kind(2, 4)], ["passed", "failed"]);
});

Deno.test("it is told which brokers do not answer, and how they do not", () => {
  const replies = ["answers", "hangs", "refuses"] as const;
  assert.deepEqual(judge(brokers(3), replies), {
    kind: "failed",
    why: "2 of 3 brokers do not answer: h:2 hangs, h:3 refuses",
  });
  const many = judge(brokers(9), brokers(9).map(() => "unreachable"));
  assert.match(many.kind === "failed" ? many.why : "", /h:5 .*, and 4 more$/);
  assert.deepEqual(judge(brokers(3), ["answers", "answers", "hangs"]), {
    kind: "passed",
    remark: "1 of 3 brokers do not answer: h:3 hangs",
  });
});

Deno.test("a cluster that names one of its three brokers alone is still known to have three", () => {
  const all = brokers(3);
  let known = nameBrokers([], all, 0);
  known = nameBrokers(known, all.slice(0, 1), 30_000);
  assert.equal(known.length, 3);
  known = nameBrokers(known, all.slice(0, 1), 60_001);
  assert.equal(known.length, 1);
});

Deno.test("brokers that come back are known once", () => {
  const all = brokers(2);
  const known = nameBrokers(nameBrokers([], all, 0), all, 10);
  assert.deepEqual(known.map(({ port }) => port), [1, 2]);
});

Deno.test("bootstrap servers are read as librdkafka reads them", () => {
  assert.deepEqual(
    bootstrapAddresses("a:1, PLAINTEXT://b:2,c,[::1]:4,SSL://[fe80::2],"),
    [
      { host: "a", port: 1 },
      { host: "b", port: 2 },
      { host: "c", port: 9092 },
      { host: "::1", port: 4 },
      { host: "fe80::2", port: 9092 },
    ],
  );
});

const partition = (
  leader: number | null,
  inSync: number,
  replicas = 3,
): PartitionDescription => ({
  partition: 0,
  leader,
  replicas: Array.from({ length: replicas }, (_, at) => at),
  inSyncReplicas: Array.from({ length: inSync }, (_, at) => at),
});

const topic = (
  partitions: readonly PartitionDescription[],
  error: KafkaError | null = null,
): TopicMetadata => ({
  topic: "orders",
  error,
  partitions: partitions.map((each, at) => ({ ...each, partition: at })),
});

Deno.test("partitions that cannot be written are a failure, those that lack replicas a remark", () => {
  const minima = new Map([["orders", 2]]);
  const judged = (...partitions: PartitionDescription[]) =>
    judgePartitions([topic(partitions)], minima);
  assert.deepEqual(judged(partition(1, 3)), { kind: "passed", remark: null });
  assert.deepEqual(judged(partition(1, 3), partition(1, 2)), {
    kind: "passed",
    remark: "1 of 2 partitions lack replicas: orders [1]",
  });
  assert.deepEqual(judged(partition(null, 1), partition(1, 1)), {
    kind: "failed",
    why: "2 of 2 watched partitions cannot be written: " +
      "orders [0] has no leader, orders [1] has 1 of 2 in-sync replicas",
  });
  // It could never be written: not an outage.
  assert.equal(judged(partition(1, 1, 1)).kind, "passed");
});

Deno.test("a watched topic that is missing is a remark, one that may not be seen tells nothing", () => {
  const judged = (code: number) =>
    judgePartitions([topic([], error(code))], new Map());
  assert.deepEqual(judged(ErrorCode.unknownTopicOrPartition), {
    kind: "passed",
    remark: "no such topic: orders",
  });
  assert.equal(judged(ErrorCode.topicAuthorizationFailed).kind, "inconclusive");
});

Deno.test("a refused login is not an outage, and a bug is neither", () => {
  assert.equal(isRefusal(error(ErrorCode.authentication)), true);
  assert.equal(isRefusal(error(ErrorCode.timedOut)), false);
  assert.equal(outcomeOf(error(ErrorCode.transport)).kind, "failed");
  assert.throws(() => outcomeOf(new TypeError("bug")), TypeError);
});
