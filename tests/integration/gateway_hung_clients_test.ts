/**
 * Unmodified clients whose cluster hangs. It is their own time-outs that move
 * them: shorter ones here, and in a soak those that librdkafka has by default.
 */
import {
  impatient,
  javaConsumer,
  javaProducer,
  rdkafkaConsumer,
  rdkafkaProducer,
} from "../support/followed_clients.ts";
import {
  cutOff,
  frozen,
  gatewaySteps,
  type GatewayWorld,
  type Start,
  withSettings,
} from "../support/gateway_world.ts";
import { isSoak } from "../support/soak.ts";

// Of a group, since its topic has one partition, one consumer is at work.
const rdkafka = [rdkafkaProducer, rdkafkaConsumer];
const java = (start: Start) => withSettings(start, impatient.java);
const impatientRdkafka = rdkafka.map((start) =>
  withSettings(start, impatient.rdkafka)
);

const soak = {
  "a primary that hangs moves librdkafka's clients with default settings": (
    world: GatewayWorld,
    topic: string,
  ) => world.moves(topic, rdkafka, frozen),
};

gatewaySteps("clients of a cluster that hangs", {
  "a primary that hangs moves clients whose time-outs are short": (
    world,
    topic,
  ) => world.moves(topic, [...impatientRdkafka, java(javaProducer)], frozen),

  "a primary that is cut off moves clients whose time-outs are short": (
    world,
    topic,
  ) => world.moves(topic, [...impatientRdkafka, java(javaProducer)], cutOff),

  "a primary that hangs moves Kafka's own consumer whose time-outs are short": (
    world,
    topic,
  ) => world.moves(topic, [impatientRdkafka[0]!, java(javaConsumer)], frozen),

  "a primary that is cut off moves Kafka's own consumer whose time-outs are short":
    (world, topic) =>
      world.moves(topic, [impatientRdkafka[0]!, java(javaConsumer)], cutOff),

  ...isSoak ? soak : {},
});
