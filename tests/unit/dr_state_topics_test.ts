import assert from "node:assert/strict";
import { stateTopics, unfit } from "../../dr/state/mod.ts";

const entriesOf = (config: Readonly<Record<string, string>>) =>
  Object.entries(config).map(([name, value]) => ({ name, value }));

Deno.test("no topic is to have more replicas than there are brokers", () => {
  for (
    const [wanted, brokers, replicas, inSync] of [
      [3, 5, 3, "2"],
      [3, 2, 2, "1"],
      [3, 1, 1, "1"],
      [3, 0, 1, "1"],
    ] as const
  ) {
    for (const topic of stateTopics("secondary", wanted, brokers)) {
      assert.equal(topic.replicationFactor, replicas);
      assert.equal(topic.config["min.insync.replicas"], inSync);
    }
  }
});

Deno.test("history and votes are the secondary's alone", () => {
  const names = (cluster: "primary" | "secondary") =>
    stateTopics(cluster, 1, 1).map(({ topic }) => topic);
  assert.deepEqual(names("primary"), ["switchyard-state"]);
  assert.deepEqual(names("secondary"), [
    "switchyard-state",
    "switchyard-history",
    "switchyard-votes",
  ]);
});

Deno.test("a topic that is there must keep what is written, and date votes itself", () => {
  for (const topic of stateTopics("secondary", 1, 1)) {
    assert.deepEqual(unfit(topic, entriesOf(topic.config)), []);
    for (const name of topic.essential) {
      const config = { ...topic.config, [name]: "other" };
      assert.equal(unfit(topic, entriesOf(config)).length, 1, name);
    }
  }
});

Deno.test("the order in a list of policies does not matter, nor do sizes that a user chose", () => {
  const votes = stateTopics("secondary", 1, 1)[2]!;
  const config = {
    ...votes.config,
    "cleanup.policy": "delete, compact",
    "segment.bytes": "123456789",
  };
  assert.deepEqual(unfit(votes, entriesOf(config)), []);
});
