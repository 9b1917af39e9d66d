import assert from "node:assert/strict";
import {
  Consumer,
  ErrorCode,
  MockCluster,
  Producer,
} from "../../src/kafka/mod.ts";
import { library, nextEvent, Sender } from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

Deno.test("statistics arrive as JSON at the interval that was set", async () => {
  await using cluster = new MockCluster(library, 1);
  const properties = {
    "bootstrap.servers": cluster.bootstrapServers,
    "statistics.interval.ms": 20,
  };
  await using producer = new Producer(library, properties);
  await using consumer = new Consumer(library, {
    ...properties,
    "group.id": "group",
  });

  for (const client of [producer, consumer]) {
    const { json } = await nextEvent(client, "statistics");
    assert.equal(JSON.parse(json).name, client.name);
    await nextEvent(client, "statistics");
  }
});

Deno.test("log lines arrive as events with level and facility", async () => {
  await using cluster = new MockCluster(library, 1);
  await using consumer = new Consumer(library, {
    "bootstrap.servers": cluster.bootstrapServers,
    "group.id": "group",
    "debug": "cgrp",
  });

  const { log } = await nextEvent(consumer, "log");

  assert.equal(log.level, 7);
  assert.match(log.facility, /^[A-Z]+$/);
  assert.notEqual(log.message, "");
});

Deno.test("brokers that cannot be reached are told of as errors that may pass", async () => {
  await using consumer = new Consumer(library, {
    "bootstrap.servers": "127.0.0.1:1",
    "group.id": "group",
    "log_level": 0,
  });

  const { error } = await nextEvent(consumer, "error");

  assert(
    [ErrorCode.transport, ErrorCode.allBrokersDown].includes(
      error.code as never,
    ),
  );
  assert.equal(error.retriable, true);
  assert.equal(error.fatal, false);
});

Deno.test("an outbox hands on what is no delivery report", async () => {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 1);
  await using sender = new Sender(cluster.bootstrapServers, {
    "statistics.interval.ms": 20,
  });

  await eventually(async () => {
    await sender.send([{ topic: "topic", value: "" }]);
    return sender.events.some(({ kind }) => kind === "statistics");
  }, { what: "told of statistics", everyMs: 0 });

  assert(sender.reports.every(({ code }) => code === 0));
});
