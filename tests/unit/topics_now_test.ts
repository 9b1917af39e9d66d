import assert from "node:assert/strict";
import { topicIdsNow, topicsNow } from "../../dr/topics_now.ts";
import {
  ErrorCode,
  KafkaError,
  type TopicSummary,
} from "../../src/kafka/mod.ts";

const { signal } = new AbortController();

const answering = (codes: Readonly<Record<string, number>>) => ({
  topics: {
    summarize: (topics: readonly string[]) =>
      Promise.resolve(topics.map((topic): TopicSummary => {
        const code = codes[topic];
        const error = code === undefined
          ? null
          : new KafkaError("refused", { code, codeName: String(code) });
        return {
          topic,
          topicId: `id of ${topic}`,
          partitions: 3,
          replicationFactor: 1,
          error,
        };
      })),
  },
});

Deno.test("topics that are not there are left out, and one that cannot be told is an error", async () => {
  const gone = answering({ gone: ErrorCode.unknownTopicOrPartition });
  assert.deepEqual(
    await topicsNow(gone, ["t", "gone"], signal),
    new Map([["t", { topic: "t", topicId: "id of t", partitions: 3 }]]),
  );
  assert.deepEqual(
    await topicIdsNow(gone, ["t", "gone"], signal),
    new Map([["t", "id of t"]]),
  );
  const refusing = answering({ t: ErrorCode.topicAuthorizationFailed });
  await assert.rejects(topicIdsNow(refusing, ["t"], signal), KafkaError);
});

Deno.test("nothing is asked of no topics", async () => {
  const never = { topics: { summarize: () => assert.fail("is asked") } };
  assert.deepEqual(await topicIdsNow(never, [], signal), new Map());
});
