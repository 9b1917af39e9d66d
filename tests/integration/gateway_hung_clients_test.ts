/**
 * Unmodified clients whose cluster hangs. It is their own time-outs that move
 * them: shorter ones here, and in a soak those that they have by default.
 */
import {
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
  withSettings,
} from "../support/gateway_world.ts";
import { isSoak } from "../support/soak.ts";

const IMPATIENT = {
  "socket.connection.setup.timeout.ms": 1_000,
  "metadata.recovery.rebootstrap.trigger.ms": 2_000,
};
const impatient = {
  rdkafka: { ...IMPATIENT, "socket.timeout.ms": 3_000 },
  java: {
    ...IMPATIENT,
    "socket.connection.setup.timeout.max.ms": 1_000,
    "request.timeout.ms": 3_000,
  },
};

const producers = [
  withSettings(rdkafkaProducer, impatient.rdkafka),
  withSettings(javaProducer, impatient.java),
];
const consumers = [
  withSettings(rdkafkaConsumer, impatient.rdkafka),
  withSettings(javaConsumer, impatient.java),
];

const soak = {
  "a primary that hangs moves producers with default settings": (
    world: GatewayWorld,
    topic: string,
  ) => world.moves(topic, [rdkafkaProducer, javaProducer], frozen),

  "a primary that is cut off moves producers with default settings": (
    world: GatewayWorld,
    topic: string,
  ) => world.moves(topic, [rdkafkaProducer, javaProducer], cutOff),

  "a primary that hangs moves consumers with default settings": (
    world: GatewayWorld,
    topic: string,
  ) =>
    world.moves(
      topic,
      [rdkafkaProducer, rdkafkaConsumer, javaConsumer],
      frozen,
    ),
};

gatewaySteps("clients of a cluster that hangs", {
  "a primary that hangs moves producers whose time-outs are short": (
    world,
    topic,
  ) => world.moves(topic, producers, frozen),

  "a primary that is cut off moves consumers whose time-outs are short": (
    world,
    topic,
  ) => world.moves(topic, [producers[0]!, ...consumers], cutOff),

  ...isSoak ? soak : {},
});
