/** What outputs say of their inputs, and what is not sent again, on Kafka. */
import assert from "node:assert/strict";
import { Admin } from "../../src/kafka/mod.ts";
import { parseCoordinates } from "../../src/pool/coordinates.ts";
import {
  type DoneOutputs,
  type JobCoordinates,
  jobCoordinates,
  type Totals,
} from "../../src/pool/mod.ts";
import {
  type ClusterFixture,
  type ClusterStep,
  clusterSteps,
} from "../support/cluster_steps.ts";
import { library } from "../support/embedded.ts";
import type {
  IndependentClient,
  KafkaRecord,
  NewRecord,
} from "../support/independent_client.ts";
import { createInput, Job, jsonOf, topicsOf } from "../support/job.ts";
import { clusterIdOf, topicIdOf } from "../support/kafka_ids.ts";
import { delayTopicOf, PoolRun, RETRY_DELAY } from "../support/pool_run.ts";
import type {
  CountedInput,
  CountedOutput,
} from "../support/processors/counted.ts";
import { OtlpReceiver } from "../support/otlp_receiver.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { expectTraceOf, traceHeader } from "../support/traced_records.ts";
import { eventually } from "../support/wait.ts";

const processor = new URL("../support/processors/counted.ts", import.meta.url);
const GUARANTEES = ["at-least-once", "exactly-once"] as const;
type Guarantee = typeof GUARANTEES[number];
const HEADER = "switchyard.coordinates";
const ATTEMPTS = 2;
const CREATED_AGAIN = "topic was created again";
const LEFT_OUT = "outputs were there already and are not sent again";
const decoder = new TextDecoder();

clusterSteps("coordinates", {}, {
  "each output, dead letter and delayed record says where it comes from, at least once":
    tells("at-least-once"),
  "each output, dead letter and delayed record says where it comes from, exactly once":
    tells("exactly-once"),
  "exactly what is missing is sent, at least once": sendsMissing(
    "at-least-once",
  ),
  "exactly what is missing is sent, exactly once": sendsMissing("exactly-once"),
  "outputs of a topic that is created again have its new id, and nothing of them is there already":
    createdAgain,
});

/** Outputs 0 to 3 in turn; some fail once, some always. */
const inputOf = (id: number): CountedInput => ({
  id,
  outputs: id % 4,
  failures: id % 7 === 3 ? 1 : id % 7 === 5 ? ATTEMPTS : 0,
});

const recordOf = (
  id: number,
  partition: number,
  headers: NewRecord["headers"] = [],
): NewRecord => ({
  key: `${id}`,
  value: JSON.stringify(inputOf(id)),
  partition,
  headers,
});

/** What a record says of the input that it comes from. */
function toldBy({ headers }: KafkaRecord) {
  const found = headers.filter(({ name }) => name === HEADER);
  assert.equal(found.length, 1, "coordinates");
  const coordinates = parseCoordinates(decoder.decode(found[0]!.value!));
  assert.ok(coordinates !== null);
  return coordinates;
}

function tells(guarantee: Guarantee): ClusterStep {
  return async ({ cluster, client }) => {
    const name = `tells-${guarantee}`;
    const { input, output, deadLetter, group } = topicsOf(name);
    const delayTopic = delayTopicOf(name);
    const count = 280;
    await createInput(cluster, client, { name, partitions: 2 });
    const old = { name: HEADER, value: "other/id/0/1/0/1/there/them" };
    await using collector = new OtlpReceiver();
    await client.produce(
      input,
      Array.from(
        { length: count },
        (_, id) => recordOf(id, id % 2, [old, traceHeader(id)]),
      ),
    );
    await using job = Job.start({
      brokers: cluster.bootstrapServers,
      name,
      args: ["--messages", String(count)],
      env: {
        COORDINATES: "on",
        GUARANTEE: guarantee,
        PROCESSOR: processor.pathname,
        RETRY_ATTEMPTS: String(ATTEMPTS),
        RETRY_BACKOFF_MS: "1000",
        RETRY_IN_PLACE_MS: "0",
        RETRY_DELAYS: RETRY_DELAY,
        ...collector.environment,
      },
    });
    await job.done();

    const clusterId = await clusterIdOf(cluster);
    const read = (topic: string) =>
      client.readTopic(topic, { isolation: "read_committed" });
    /** The input at which each of them points, which must be there. */
    const sources = new Map<string, number>();
    for (const topic of [input, delayTopic]) {
      const topicId = await topicIdOf(cluster, topic);
      for (const record of await read(topic)) {
        const place = [topicId, record.partition, record.offset].join("/");
        sources.set(place, jsonOf<CountedInput>(record).id);
      }
    }
    const told = (topic: string, record: KafkaRecord) => {
      const coordinates = toldBy(record);
      const { topicId, partition, offset, ordinal, count } = coordinates;
      assert.equal(coordinates.clusterId, clusterId);
      assert.equal(coordinates.group, group);
      assert.equal(coordinates.outputTopic, topic);
      const id = sources.get([topicId, partition, offset].join("/"));
      expectTraceOf(id!, record, collector);
      return { topicId, id, ordinal, count };
    };
    const [inputId, delayId] = await Promise.all(
      [input, delayTopic].map((topic) => topicIdOf(cluster, topic)),
    );
    const ids = Array.from({ length: count }, (_, id) => id);

    const results = await read(output);
    for (const record of results) {
      const { id, ordinal } = jsonOf<CountedOutput>(record);
      const { failures, outputs } = inputOf(id);
      assert.deepEqual(told(output, record), {
        topicId: failures === 0 ? inputId : delayId,
        id,
        ordinal,
        count: outputs,
      });
    }
    assert.deepEqual(
      results.map((each) => jsonOf<CountedOutput>(each))
        .map(({ id, ordinal }) => `${id}/${ordinal}`).sort(),
      ids.filter((id) => inputOf(id).failures < ATTEMPTS).flatMap((id) =>
        Array.from({ length: inputOf(id).outputs }, (_, at) => `${id}/${at}`)
      ).sort(),
    );
    for (
      const [topic, from, failures] of [
        [delayTopic, inputId, 1],
        [deadLetter, delayId, ATTEMPTS],
      ] as const
    ) {
      const records = await read(topic);
      for (const record of records) {
        const { id } = jsonOf<CountedInput>(record);
        assert.deepEqual(told(topic, record), {
          topicId: from,
          id,
          ordinal: 0,
          count: 1,
        });
      }
      assert.equal(
        records.length,
        ids.filter((id) => inputOf(id).failures >= failures).length,
      );
    }
  };
}

const adminOf = (brokers: string) =>
  new Admin(library, { "bootstrap.servers": brokers });

/** Topics of one partition, and what their cluster says of them. */
async function prepare(
  { cluster, client }: ClusterFixture,
  name: string,
): Promise<JobCoordinates> {
  const { input, output, deadLetter } = topicsOf(name);
  const delayTopic = delayTopicOf(name);
  await createInput(cluster, client, { name, partitions: 1 });
  for (const topic of [output, deadLetter, delayTopic]) {
    await cluster.createTopic(topic, 1);
  }
  await using admin = adminOf(cluster.bootstrapServers);
  const coordinates = await jobCoordinates(
    admin,
    [input, delayTopic],
    AbortSignal.timeout(30_000),
  );
  assert.deepEqual(coordinates, {
    clusterId: await clusterIdOf(cluster),
    topicIds: {
      [input]: await topicIdOf(cluster, input),
      [delayTopic]: await topicIdOf(cluster, delayTopic),
    },
  });
  return coordinates;
}

async function reaches(
  { pool }: PoolRun,
  wanted: Partial<Totals>,
): Promise<void> {
  const names = Object.keys(wanted) as (keyof Totals)[];
  const seen = () => {
    const { totals } = pool.status();
    return Object.fromEntries(names.map((name) => [name, totals[name]]));
  };
  await eventually(
    () => names.every((name) => seen()[name]! >= wanted[name]!),
    { what: `counted ${JSON.stringify(wanted)}` },
  );
  assert.deepEqual(seen(), wanted);
}

/** `id/ordinal` of what is in a topic, by the coordinates, in order. */
async function ordinalsIn(client: IndependentClient, topic: string) {
  const records = await client.readTopic(topic, {
    isolation: "read_committed",
  });
  return records.map((each) => {
    const { id } = jsonOf<CountedInput | CountedOutput>(each);
    return `${id}/${toldBy(each).ordinal}`;
  }).sort();
}

function sendsMissing(guarantee: Guarantee): ClusterStep {
  return async (fixture) => {
    const { client, cluster } = fixture;
    const name = `missing-${guarantee}`;
    const { input, output, deadLetter } = topicsOf(name);
    const coordinates = await prepare(fixture, name);
    const count = 28;
    await client.produce(
      input,
      Array.from({ length: count }, (_, id) => recordOf(id, 0)),
    );
    // In a partition of its own, an input's offset is its id.
    const delayTopic = delayTopicOf(name);
    const place = {
      topic: input,
      topicId: coordinates.topicIds[input]!,
      partition: 0,
    };
    const done: DoneOutputs = [
      // 1 has one output, 2 two, 7 and 15 three each.
      { ...place, output, count: 1, outputs: [[1, 0]] },
      { ...place, output, count: 2, outputs: [[2, 1]] },
      { ...place, output, count: 3, outputs: [[7, 0, 2]] },
      { ...place, output, count: 3, outputs: [[15, 2], [15, 0, 1]] },
      // Of 3, which fails first, the delayed copy; 6 has two, and failed then.
      { ...place, output: delayTopic, count: 1, outputs: [[3, 0], [6, 0]] },
      // Of 10, which fails first, one of two.
      { ...place, output, count: 2, outputs: [[10, 1]] },
      // Another topic of that name.
      { ...place, topicId: "gone", output, count: 1, outputs: [[9, 0]] },
    ];
    // Without 3, what fails comes to the delay topic in this order: 5, 10, ...
    const delayed = ids(count).filter((id) =>
      inputOf(id).failures > 0 && id !== 3
    );
    const letters = delayed.filter((id) => inputOf(id).failures >= ATTEMPTS);
    // The first one's dead letter is there, too.
    assert.equal(delayed[0], letters[0]);
    const ofDelay: DoneOutputs = [{
      topic: delayTopic,
      topicId: coordinates.topicIds[delayTopic]!,
      partition: 0,
      output: deadLetter,
      count: 1,
      outputs: [[0, 0]],
    }];

    await using run = new PoolRun({
      brokers: cluster.bootstrapServers,
      name,
      processor,
      guarantee,
      coordinates,
      done: [...done, ...ofDelay],
    });
    await run.pool.start();
    const missing = ids(count)
      .filter((id) => inputOf(id).failures < ATTEMPTS && id !== 3)
      .flatMap((id) =>
        ids(inputOf(id).outputs).map((ordinal) => `${id}/${ordinal}`)
      )
      .filter((each) =>
        !["1/0", "2/1", "7/0", "7/2", "10/1"].includes(each) &&
        !each.startsWith("15/") && !each.startsWith("6/")
      );
    await reaches(run, {
      // The place of 3 in the delay topic is another pool's matter.
      consumed: count - 1,
      produced: missing.length,
      deadLettered: letters.length - 1,
      retried: delayed.length,
      alreadyDone: 1 + 1 + 1 + 2 + 3 + 2 + 1 + 1,
    });
    assert.equal(await run.pool.drain(10_000), true);
    assert.deepEqual(await ordinalsIn(client, output), missing.sort());
    assert.deepEqual(
      await ordinalsIn(client, deadLetter),
      letters.slice(1).map((id) => `${id}/0`).sort(),
    );
    assert.ok(!run.log.some(({ message }) => message === CREATED_AGAIN));
    const told = run.log.findLast(({ message }) => message === LEFT_OUT);
    assert.equal(told?.fields["outputs"], 12);
  };
}

const ids = (count: number) => Array.from({ length: count }, (_, id) => id);

async function createdAgain(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "created-again";
  const { input, output } = topicsOf(name);
  const coordinates = await prepare(fixture, name);
  const one = { id: 1, outputs: 1, failures: 0 };
  const send = (id: number) =>
    client.produce(input, [{ value: JSON.stringify({ ...one, id }) }]);
  await using run = new PoolRun({
    brokers: cluster.bootstrapServers,
    name,
    processor,
    guarantee: "exactly-once",
    coordinates,
    done: [{
      topic: input,
      topicId: coordinates.topicIds[input]!,
      partition: 0,
      output,
      count: 1,
      outputs: [[0, 0]],
    }],
  });
  await run.pool.start();
  await send(1);
  await reaches(run, { consumed: 1, alreadyDone: 1, produced: 0 });
  await send(2);
  await reaches(run, { consumed: 2, produced: 1 });

  const admin = quietKafka(cluster.bootstrapServers).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [input] });
  await admin.disconnect();
  await eventually(
    () =>
      run.pool.status().workers.every((each) =>
        each.partitions.every(({ topic }) => topic !== input)
      ),
    { what: "without the topic", timeoutMs: 60_000 },
  );
  await cluster.createTopic(input, 1);
  await send(3);
  await reaches(run, { consumed: 3, produced: 2, alreadyDone: 1 });
  assert.equal(await run.pool.drain(10_000), true);

  const topicId = await topicIdOf(cluster, input);
  assert.notEqual(topicId, coordinates.topicIds[input]);
  const told = await client.readTopic(output, { isolation: "read_committed" });
  assert.deepEqual(
    told.map((each) => {
      const { topicId, offset } = toldBy(each);
      return [jsonOf<CountedOutput>(each).id, topicId, offset];
    }),
    [[2, coordinates.topicIds[input], 1], [3, topicId, 0]],
  );
  assert.ok(
    run.log.some(({ message }) => message === CREATED_AGAIN),
  );
}
