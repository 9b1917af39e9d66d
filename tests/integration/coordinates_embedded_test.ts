/** What outputs say of their inputs, on the embedded cluster. */
import assert from "node:assert/strict";
import { Admin, MockCluster } from "../../src/kafka/mod.ts";
import { jobCoordinates } from "../../src/pool/mod.ts";
import { encodeCoordinates } from "../support/coordinates_text.ts";
import { library, Member, produce, text } from "../support/embedded.ts";
import { topicsOf } from "../support/job.ts";
import { delayTopicOf, PoolRun } from "../support/pool_run.ts";
import { eventually } from "../support/wait.ts";

const processor = new URL("../support/processors/counted.ts", import.meta.url);
const name = "embedded";

Deno.test("an embedded cluster has ids, too, and what is there already is not sent", async () => {
  const { input, output, deadLetter, group } = topicsOf(name);
  await using cluster = new MockCluster(library, 1);
  const topics = [input, output, deadLetter, delayTopicOf(name)];
  for (const topic of topics) cluster.createTopic(topic, 1);
  const brokers = cluster.bootstrapServers;
  await using admin = new Admin(library, { "bootstrap.servers": brokers });
  const coordinates = await jobCoordinates(
    admin,
    [input, delayTopicOf(name)],
    AbortSignal.timeout(30_000),
  );
  const value = JSON.stringify({ id: 0, outputs: 3, failures: 0 });
  await produce(brokers, [{ topic: input, value }, { topic: input, value }]);
  {
    await using run = new PoolRun({
      brokers,
      name,
      processor,
      guarantee: "at-least-once",
      coordinates,
      done: [{
        topic: input,
        topicId: coordinates.topicIds[input]!,
        partition: 0,
        output,
        count: 3,
        outputs: [[0, 1]],
      }],
    });
    await run.pool.start();
    await eventually(() => run.pool.status().totals.consumed === 2, {
      what: "consumed",
    });
    const { produced, alreadyDone } = run.pool.status().totals;
    assert.deepEqual({ produced, alreadyDone }, {
      produced: 5,
      alreadyDone: 1,
    });
    assert.equal(await run.pool.drain(10_000), true);
  }

  await using member = new Member(brokers, { "group.id": "reader" });
  member.consumer.subscribe([output]);
  await member.until(() => member.received.length === 5, "read");
  const places = [[0, 0], [0, 2], [1, 0], [1, 1], [1, 2]] as const;
  assert.deepEqual(
    member.received.map(({ headers }) =>
      headers.map(({ key, value }) => [key, text(value)])
    ),
    places.map(([offset, ordinal]) => [[
      "switchyard.coordinates",
      encodeCoordinates({
        clusterId: coordinates.clusterId,
        topicId: coordinates.topicIds[input]!,
        partition: 0,
        offset,
        ordinal,
        count: 3,
        outputTopic: output,
        group,
      }),
    ]]),
  );
});
