import assert from "node:assert/strict";
import type { TopicPlan } from "../../dr/topics/plan.ts";
import { perform } from "../../dr/topics/topic_changes.ts";
import {
  type Admin,
  type ConfigChanges,
  ErrorCode,
  KafkaError,
  type NewTopic,
} from "../../src/kafka/mod.ts";

const SIGNAL = new AbortController().signal;
const TIMED_OUT = new KafkaError("too slow", {
  code: ErrorCode.timedOut,
  codeName: "_TIMED_OUT",
});

const nothing: TopicPlan = {
  topics: [],
  create: [],
  grow: [],
  alter: [],
  problems: [],
};

const create = (count: number, partitions: number) =>
  Array.from({ length: count }, (_, at) => ({
    topic: `topic-${at}`,
    partitions,
    replicationFactor: 1,
    config: {},
  }));

/** A target that notes what each request names, and may fail it. */
function targetOf(answer: (name: string) => KafkaError | null = () => null) {
  const requests: string[][] = [];
  const send = (names: string[]) => {
    requests.push(names);
    return names.map((topic) => ({ topic, name: topic, error: answer(topic) }));
  };
  const topics = (each: readonly NewTopic[]) =>
    Promise.resolve().then(() => send(each.map(({ topic }) => topic)));
  const admin = {
    topics: { create: topics, grow: topics },
    configs: {
      alter: (each: readonly ConfigChanges[]) =>
        Promise.resolve().then(() => send(each.map(({ name }) => name))),
    },
  } as unknown as Admin;
  return { admin, requests };
}

Deno.test("no request makes more than 1,000 partitions or 100 topics, and each change is sent once", async () => {
  for (
    const [count, partitions, sizes] of [
      [250, 1, [100, 100, 50]],
      [5, 400, [2, 2, 1]],
      [2, 3000, [1, 1]],
      [0, 1, []],
    ] as const
  ) {
    const { admin, requests } = targetOf();
    const plan = { ...nothing, create: create(count, partitions) };
    const performed = await perform(admin, plan, 1000, SIGNAL);
    assert.deepEqual(requests.map(({ length }) => length), sizes);
    assert.deepEqual(requests.flat(), plan.create.map(({ topic }) => topic));
    assert.deepEqual(
      performed.map(({ target }) => target),
      requests.flat(),
    );
  }
});

Deno.test("a request that fails as a whole fails its own changes only", async () => {
  const { admin } = targetOf((topic) => {
    if (topic === "topic-120") throw TIMED_OUT;
    return null;
  });
  const plan = {
    ...nothing,
    create: create(250, 1),
    grow: [{ topic: "other", partitions: 3 }],
  };
  const performed = await perform(admin, plan, 1000, SIGNAL);
  const failed = performed.filter(({ error }) => error !== null);
  assert.deepEqual(failed.map(({ target }) => target), [
    ...plan.create.slice(100, 200).map(({ topic }) => topic),
  ]);
  assert.equal(performed.length, 251);
});

Deno.test("each change has the answer of its own topic", async () => {
  const { admin } = targetOf((topic) => topic === "b" ? TIMED_OUT : null);
  const change = (name: string): ConfigChanges => ({
    type: "topic",
    name,
    changes: [{ operation: "set", name: "retention.ms", value: "1" }],
  });
  const plan = { ...nothing, alter: ["a", "b", "c"].map(change) };
  const performed = await perform(admin, plan, 1000, SIGNAL);
  assert.deepEqual(
    performed.map(({ doing, target, error }) => [doing, target, error]),
    [["alter", "a", null], ["alter", "b", TIMED_OUT], ["alter", "c", null]],
  );
});

Deno.test("nothing more is sent once the signal has aborted", async () => {
  const stop = new AbortController();
  const { admin, requests } = targetOf(() => {
    stop.abort(new Error("stopped"));
    throw TIMED_OUT;
  });
  const plan = { ...nothing, create: create(250, 1) };
  await assert.rejects(perform(admin, plan, 1000, stop.signal), /stopped/);
  assert.equal(requests.length, 1);
});
