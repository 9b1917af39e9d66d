import assert from "node:assert/strict";
import {
  mirrorMakerProperties,
  type MirrorMakerSettings,
} from "./mirror_maker_properties.ts";

const settings: MirrorMakerSettings = {
  source: { alias: "primary", brokers: "127.0.0.1:1" },
  target: { alias: "secondary", brokers: "127.0.0.1:2" },
  topics: ["logins", "orders.*"],
};

Deno.test("MirrorMaker is told one direction, and not to work on the way back", () => {
  const properties = mirrorMakerProperties(settings);
  assert.equal(properties["primary->secondary.enabled"], "true");
  assert.equal(properties["primary->secondary.topics"], "logins,orders.*");
  assert.equal(properties["secondary->primary.enabled"], "false");
  assert.equal(
    properties["secondary->primary.emit.heartbeats.enabled"],
    "false",
  );
});

Deno.test("MirrorMaker copies exactly once only when it reads what is committed", () => {
  const once = mirrorMakerProperties({ ...settings, isExactlyOnce: true });
  assert.equal(once["secondary.exactly.once.source.support"], "enabled");
  assert.equal(once["primary.consumer.isolation.level"], "read_committed");
  const least = mirrorMakerProperties(settings);
  assert.equal(least["secondary.exactly.once.source.support"], undefined);
  assert.equal(least["primary.consumer.isolation.level"], undefined);
});

Deno.test("settings of MirrorMaker's clients go to the cluster that they talk to, and given lines win", () => {
  const properties = mirrorMakerProperties({
    ...settings,
    intervals: { topicsSeconds: 5, offsetsMs: 100 },
    consumer: { "max.poll.records": "10000" },
    producer: { "linger.ms": "20" },
    properties: { "tasks.max": "7" },
  });
  assert.equal(properties["primary.consumer.max.poll.records"], "10000");
  assert.equal(properties["secondary.producer.linger.ms"], "20");
  assert.equal(properties["refresh.topics.interval.seconds"], "5");
  assert.equal(properties["secondary.offset.flush.interval.ms"], "100");
  assert.equal(properties["refresh.groups.interval.seconds"], undefined);
  assert.equal(properties["tasks.max"], "7");
});
