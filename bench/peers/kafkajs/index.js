import { Kafka, logLevel, Partitioners } from "kafkajs";
import { onStop, processLogin, settings } from "../job.js";

const kafka = new Kafka({
  brokers: settings.brokers,
  logLevel: logLevel.ERROR,
});
const producer = kafka.producer({
  createPartitioner: Partitioners.DefaultPartitioner,
});
const consumer = kafka.consumer({
  groupId: settings.group,
  maxBytesPerPartition: 524_288,
});
onStop(async () => {
  await consumer.disconnect();
  await producer.disconnect();
});

await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: settings.input, fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: 8,
  // Offsets are committed when this returns, which is after the
  // acknowledgement of all that the batch caused.
  eachBatch: async ({ batch }) => {
    await producer.send({
      topic: settings.output,
      acks: -1,
      messages: batch.messages.map(({ value }) => {
        const login = processLogin(value);
        return { key: login.user_id, value: JSON.stringify(login) };
      }),
    });
  },
});
