/** What tests of the mirror ask of the independent client beyond others. */
import assert from "node:assert/strict";
import { clusterSteps } from "../support/cluster_steps.ts";
import type { KafkaRecord, Outcome } from "../support/independent_client.ts";
import { StepError } from "../support/record_session.ts";

const plain = 0;
const first = 1;
const second = 2;
const decoder = new TextDecoder();
const textOf = ({ value }: KafkaRecord) => decoder.decode(value!);
const committed = {
  isolation: "read_committed",
  awaitTransactions: true,
} as const;

clusterSteps("the independent client writes transactions side by side", {}, {
  async "several producers take turns, and aborted records stay unseen"({
    cluster,
    client,
  }) {
    await cluster.createTopic("turns", 1);
    const outcomes: Outcome[] = [];
    const count = await client.write(
      [{}, { transactionalId: "one" }, { transactionalId: "two" }],
      async (session) => {
        const send = (writer: number, value: string) =>
          session.send(writer, "turns", { value, timestampMs: 7 });
        await session.begin(first);
        await send(first, "one");
        await session.begin(second);
        await send(second, "two");
        await send(plain, "plain");
        await session.flush(second);
        await session.abort(second);
        await session.commit(first);
        await session.begin(second);
        await send(second, "again");
        await session.commit(second);
      },
      (outcome) => outcomes.push(outcome),
    );
    assert.equal(count, 4);
    assert.deepEqual(
      outcomes.map(({ kind, index }) => `${kind} ${index}`).toSorted(),
      [0, 1, 2, 3].map((index) => `acknowledged ${index}`),
    );
    const records = await client.readTopic("turns", committed);
    assert.deepEqual(records.map(textOf).toSorted(), ["again", "one", "plain"]);
    assert.ok(records.every(({ timestampMs }) => timestampMs === 7));
  },

  async "a step that is refused, and a test that fails, leave it usable"({
    cluster,
    client,
  }) {
    await cluster.createTopic("refused", 1);
    const writers = [{ transactionalId: "refused" }];
    const topic = "refused";
    await client.write(writers, async (session) => {
      await assert.rejects(session.commit(plain), StepError);
      await session.begin(plain);
      await session.send(plain, topic, { value: "kept" });
      await session.commit(plain);
    });
    await assert.rejects(
      client.write(writers, () => Promise.reject(new Error("the test's"))),
      /the test's/,
    );
    const records = await client.readTopic(topic, committed);
    assert.deepEqual(records.map(textOf), ["kept"]);
  },

  async "reading begins where it is told, each partition at its own place"({
    cluster,
    client,
  }) {
    await cluster.createTopic("from", 2);
    await client.produce(
      "from",
      Array.from({ length: 10 }, (_, at) => ({
        value: String(at),
        partition: at % 2,
      })),
    );
    const records = await client.readTopic("from", {
      from: new Map([[0, 3], [1, 99]]),
    });
    assert.deepEqual(records.map(textOf), ["6", "8"]);
  },
});
