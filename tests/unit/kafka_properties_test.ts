import assert from "node:assert/strict";
import {
  Consumer,
  Producer,
  type ProducerProperties,
  PropertyError,
  propertyNames,
} from "../../src/kafka/mod.ts";
import { newConfiguration } from "../../src/kafka/properties.ts";
import { library } from "../support/embedded.ts";

/** As a program without type checks, or a settings file, would give them. */
const untyped = (properties: Record<string, unknown>) =>
  properties as ProducerProperties;

function refusal(properties: Record<string, unknown>): string {
  let message = "";
  assert.throws(
    () => new Producer(library, untyped(properties)),
    (error) => {
      assert(error instanceof PropertyError);
      message = error.message;
      return true;
    },
  );
  return message;
}

Deno.test("an unknown property is refused with the nearest known name", () => {
  assert.equal(
    refusal({ "bootstrap.server": "x" }),
    'unknown Kafka property "bootstrap.server"; did you mean "bootstrap.servers"?',
  );
  assert.match(refusal({ "linger_ms": 1 }), /did you mean "linger\.ms"\?$/);
  assert.match(
    refusal({ "sasl.pasword": "secret" }),
    /did you mean "sasl\.password"\?$/,
  );
});

Deno.test("a name that resembles none is refused without a suggestion", () => {
  assert.equal(
    refusal({ "completely.different": 1 }),
    'unknown Kafka property "completely.different"',
  );
});

Deno.test("a value that librdkafka refuses is explained, and a secret not repeated", () => {
  assert.match(
    refusal({ "linger.ms": "soon" }),
    /^Kafka property linger\.ms: /,
  );
  assert.match(
    refusal({ "compression.codec": "rar" }),
    /^Kafka property compression\.codec: /,
  );
  assert(!refusal({ "sasl.pasword": "secret" }).includes("secret"));
});

Deno.test("a text that C would cut short is refused", () => {
  assert.throws(
    () => new Producer(library, { "client.id": "a\0b" }),
    TypeError,
  );
});

Deno.test("undefined values are left out", () => {
  const configuration = newConfiguration(library, { "client.id": undefined });
  library.symbols.rd_kafka_conf_destroy(configuration);
});

Deno.test("settings that fit each other badly are refused when the client is made", () => {
  assert.throws(
    () =>
      new Consumer(library, {
        "group.id": "group",
        "session.timeout.ms": 60_000,
        "max.poll.interval.ms": 10_000,
      }),
    /cannot create a Kafka consumer: .*max\.poll\.interval\.ms/,
  );
});

Deno.test("all names are known, of aliases and of properties without a default too", () => {
  const names = propertyNames(library);

  for (
    const name of [
      "bootstrap.servers",
      "metadata.broker.list",
      "group.id",
      "ssl.ca.location",
      "transactional.id",
      "compression.type",
      "sasl.oauthbearer.method",
      "auto.offset.reset",
    ]
  ) assert(names.has(name), name);
  assert(names.size > 150);
});
