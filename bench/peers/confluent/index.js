import { promisify } from "node:util";
import { performance } from "node:perf_hooks";
import rdkafka from "@confluentinc/kafka-javascript";
import { onStop, processLogin, settings } from "../job.js";

const batchRecords = 4000;
const checkpointRecords = 20_000;
const checkpointMs = 200;

const producer = new rdkafka.Producer({
  "bootstrap.servers": settings.brokers.join(","),
  "linger.ms": 20,
  "batch.size": 1_000_000,
  "queue.buffering.max.messages": 1_000_000,
  partitioner: "murmur2_random",
  // A report for each record costs 60 % more processor time. Failures alone
  // are enough here: `flush` returns when all the others are acknowledged.
  "delivery.report.only.error": true,
  dr_cb: (error) => {
    if (error) throw error;
  },
});
/** Grows with each revocation. */
let generation = 0;
let revoking;
const consumer = new rdkafka.KafkaConsumer({
  "bootstrap.servers": settings.brokers.join(","),
  "group.id": settings.group,
  "enable.auto.commit": false,
  // The default of 1000 ms leaves the fetcher idle after each full queue.
  "fetch.queue.backoff.ms": 2,
  rebalance_cb: (error, assignment) => {
    if (error.code === rdkafka.CODES.ERRORS.ERR__ASSIGN_PARTITIONS) {
      consumer.assign(assignment);
      return;
    }
    generation++;
    revoking = checkpoint().then(() => {
      revoking = undefined;
      consumer.unassign();
    });
  },
}, { "auto.offset.reset": "earliest" });
consumer.setDefaultConsumeTimeout(20);
consumer.setDefaultIsTimeoutOnlyForFirstMessage(true);

const consume = promisify(consumer.consume.bind(consumer));
const flush = promisify(producer.flush.bind(producer));
await promisify(producer.connect.bind(producer))({});
await promisify(consumer.connect.bind(consumer))({});
consumer.subscribe([settings.input]);

/** Next offsets, by partition, of what has been produced since a checkpoint. */
const next = new Map();
let records = 0;
let checkpointAt = performance.now();

/** One at a time, as a revocation must wait for one that is under way. */
let checkpoints = Promise.resolve();
const checkpoint = () => checkpoints = checkpoints.then(commitProduced);

/** Commits what has been produced, once the broker has it. */
async function commitProduced() {
  const produced = [...next].map(([partition, offset]) => ({
    topic: settings.input,
    partition,
    offset,
  }));
  next.clear();
  records = 0;
  if (produced.length > 0) {
    await flush(30_000);
    producer.poll();
    consumer.commitSync(produced);
  }
  checkpointAt = performance.now();
}

let stopping = false;
const ended = Promise.withResolvers();
onStop(() => {
  stopping = true;
  return ended.promise;
});

/** A batch of before a revocation is read again by the next owner. */
const consumeBatch = async () => {
  const of = generation;
  return { of, messages: await consume(batchRecords) };
};
let batch = consumeBatch();
while (!stopping) {
  const { of, messages } = await batch;
  // librdkafka's threads fetch the next batch while this one is processed.
  batch = consumeBatch();
  await revoking;
  if (of !== generation) continue;
  for (const { value, partition, offset } of messages) {
    const login = processLogin(value);
    producer.produce(
      settings.output,
      null,
      Buffer.from(JSON.stringify(login)),
      login.user_id,
    );
    next.set(partition, offset + 1);
  }
  records += messages.length;
  const isDue = records >= checkpointRecords ||
    performance.now() - checkpointAt >= checkpointMs;
  if (isDue && !revoking) await checkpoint();
}
await checkpoint();
// A consumer that is asked while it disconnects fails.
await batch;
await promisify(consumer.disconnect.bind(consumer))();
await promisify(producer.disconnect.bind(producer))(5000);
ended.resolve();
