import assert from "node:assert/strict";
import { loadSettings } from "../../src/config/mod.ts";
import { secretValues } from "../../src/config/secrets.ts";
import { createLog, type LogLine, LogSink } from "../../src/telemetry/log.ts";

function kept(secrets: readonly string[] = []) {
  const lines: LogLine[] = [];
  let nowMs = 0;
  const sink = new LogSink((line) => lines.push(line), {
    secrets,
    now: () => nowMs,
  });
  const log = createLog({ level: "debug", write: sink.write });
  return { lines, log, sink, pass: (ms: number) => nowMs += ms };
}

Deno.test("secrets of the settings are masked wherever they stand", () => {
  const { settings } = loadSettings({
    env: {
      PRIMARY_BROKERS: "a:1",
      PRIMARY_KAFKA_SASL_PASSWORD: "hunter2(and more)",
      SECONDARY_PRODUCER_SSL_KEY_PASSWORD: "swordfish",
      PRIMARY_KAFKA_SASL_USERNAME: "somebody",
      PRIMARY_CONSUMER_SSL_KEYSTORE_PASSWORD: "abc",
    },
    readTextFile: () => "",
    hardwareConcurrency: 2,
    hostname: "h",
  });
  const secrets = secretValues(settings);
  assert.deepEqual(secrets.toSorted(), [
    "abc",
    "hunter2(and more)",
    "swordfish",
  ]);
  const { lines, log } = kept(secrets);
  log.debug("sasl.password = hunter2(and more)", {
    facility: "CONF",
    problems: ["swordfish, swordfish", { x: ["hunter2(and more)"] }],
    reason: "somebody knows the alphabet: abc",
  });
  assert.deepEqual(lines.map(({ message, fields }) => ({ message, fields })), [{
    message: "sasl.password = ***",
    fields: {
      facility: "CONF",
      problems: ["***, ***", { x: ["***"] }],
      // So short a one would blank out words.
      reason: "somebody knows the alphabet: abc",
    },
  }]);
});

Deno.test("a second taker sees each line that is written, until it is disposed", () => {
  const { lines, log, sink } = kept(["hunter2"]);
  const seen: LogLine[] = [];
  {
    using _ = sink.onLine((line) => seen.push(line));
    log.info("hunter2", { count: 1 });
    for (let at = 0; at < 100; at++) log.warn("again");
  }
  log.info("later");
  assert.equal(seen[0]!.message, "***");
  assert.deepEqual(seen, lines.slice(0, -1));
  sink.flush(); // also ends its timer
});

Deno.test("a taker that throws, or logs, harms nobody", () => {
  const { lines, log, sink } = kept();
  const seen: string[] = [];
  using _broken = sink.onLine(() => {
    log.warn("cannot export");
    throw new Error("broken");
  });
  using _sound = sink.onLine(({ message }) => seen.push(message));
  log.info("a");
  log.info("b");
  assert.deepEqual(seen, ["a", "b"]);
  assert.equal(
    lines.filter(({ message }) => message === "cannot export").length,
    2,
  );
});

Deno.test("what was held back is said before the end", () => {
  const { lines, log, sink } = kept();
  for (let at = 0; at < 25; at++) log.warn("again", { count: at });
  assert.equal(lines.length, 10);
  sink.flush();
  assert.deepEqual(lines.at(-1)!.fields, { count: 24, repeated: 15 });
  sink.flush();
  assert.equal(lines.length, 11);
});
