/** Unmodified clients whose cluster dies, or is exchanged while it lives. */
import assert from "node:assert/strict";
import { checkBrokerIds } from "../../dr/broker_ids.ts";
import { produce } from "../support/embedded.ts";
import {
  javaConsumer,
  javaProducer,
  rdkafkaConsumer,
  rdkafkaProducer,
} from "../support/followed_clients.ts";
import {
  gatewaySteps,
  goesOn,
  killed,
  stopped,
} from "../support/gateway_world.ts";

const RDKAFKA = [rdkafkaProducer, rdkafkaConsumer];

gatewaySteps("clients that have the gateway as bootstrap.servers", {
  async "the brokers' ids are disjoint, and the primary's leader epochs higher"(
    { admins, endOf },
    topic,
  ) {
    const options = { timeoutMs: 30_000 };
    assert.deepEqual(await checkBrokerIds(admins, options), {
      kind: "disjoint",
    });
    const { primary } = admins;
    const same = await checkBrokerIds({ primary, secondary: primary }, options);
    assert.equal(same.kind, "same-cluster");
    const epochs = await Promise.all(
      [endOf("primary", topic), endOf("secondary", topic)],
    );
    const [ours, theirs] = epochs.map(({ leaderEpoch }) => leaderEpoch!);
    assert.ok(ours! > theirs!, `${ours} and ${theirs}`);
  },

  async "a switch while the primary lives leaves clients there, leads new ones to the secondary, and all move when the primary dies"(
    world,
    topic,
  ) {
    world.gateway.setActive("primary");
    await using begun = await world.begin(topic, [...RDKAFKA, javaProducer]);
    const { offset } = await world.endOf("secondary", topic);
    world.gateway.setActive("secondary");
    await Promise.all(
      begun.clients.map((each) => goesOn(each, each.done().length)),
    );
    assert.equal((await world.endOf("secondary", topic)).offset, offset);
    await produce(world.address, [{ topic, value: "new client" }]);
    assert.equal((await world.endOf("secondary", topic)).offset, offset! + 1);
    await world.follow(topic, begun.clients, killed);
  },

  "a primary that is killed moves librdkafka's clients and Kafka's own producer":
    (world, topic) => world.moves(topic, [...RDKAFKA, javaProducer], killed),

  "a primary that is killed moves Kafka's own consumer": (world, topic) =>
    world.moves(topic, [rdkafkaProducer, javaConsumer], killed),

  // Not librdkafka's: the last metadata of a cluster that stops in order names no
  // broker, and then they have none that could be down.
  "a primary that is stopped in order moves Kafka's own clients": (
    world,
    topic,
  ) => world.moves(topic, [javaProducer, javaConsumer], stopped),
});
