/** What a running process writes: one stream of JSON, and nobody's secrets. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { MockCluster, type OutputRecord } from "../../src/kafka/mod.ts";
import { Child } from "../support/child.ts";
import { library, produce } from "../support/embedded.ts";
import { Job, topicsOf } from "../support/job.ts";
import { type JobLogLine, logOf, withoutOurs } from "../support/job_process.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const processor = fileURLToPath(
  new URL("../support/processors/talkative.ts", import.meta.url),
);
const name = "talkative";
const deadlineMs = 60_000;
/** In every key, value and header, however it is read. */
const canary = "Zyqx7";
const secret = "Hunter2-and-more";

Deno.test("a job at debug level writes JSON alone, and no record and no secret anywhere", async () => {
  const { input, output, deadLetter } = topicsOf(name);
  await using cluster = new MockCluster(library, 1);
  for (const topic of [input, output, deadLetter]) {
    cluster.createTopic(topic, 1);
  }
  const brokers = cluster.bootstrapServers;
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const settings = (logLevel: string) =>
    Deno.writeTextFile(file, JSON.stringify({ logLevel }));
  await settings("info");
  try {
    await using job = Job.start({
      brokers,
      name,
      env: {
        SWITCHYARD_CONFIG: file,
        PROCESSOR: processor,
        RETRY_ATTEMPTS: "3",
        RETRY_BACKOFF_MS: "1",
        PRIMARY_KAFKA_DEBUG: "all",
        PRIMARY_KAFKA_SASL_USERNAME: "somebody",
        PRIMARY_KAFKA_SASL_PASSWORD: secret,
        PRIMARY_KAFKA_SSL_KEY_PASSWORD: secret,
      },
    });
    await job.logged("partitions assigned", deadlineMs);
    assert.deepEqual(job.log().filter(({ level }) => level === "debug"), []);

    // The level changes for the coordinator, the workers and librdkafka.
    await settings("debug");
    job.child.signal("SIGHUP");
    const read = await job.logged(/settings read again/, deadlineMs);
    assert.equal(read["logLevel"], "debug");
    const records = faulty(input);
    await produce(brokers, records);
    await job.consumed(records.length, deadlineMs);
    const answers = await Promise.all(
      ["/status", "/metrics", "/readyz"].map((path) => job.get(path)),
    );
    const { consumed, deadLettered } = await job.stop();
    assert.equal(consumed, records.length);
    assert.equal(deadLettered, records.length - 1);

    const said = [
      ...job.child.lines("stderr"),
      ...job.child.lines("stdout"),
      ...answers.map(({ text }) => text),
    ];
    for (const text of said) {
      for (const hidden of [canary, secret]) {
        assert.ok(!text.includes(hidden), text);
      }
    }
    // Throws for a line that is none.
    assertOneStream(logOf(job.child), records.length);
  } finally {
    await Deno.remove(file);
  }
});

function assertOneStream(lines: readonly JobLogLine[], records: number): void {
  const ofClients = lines.filter(({ facility }) => facility !== undefined);
  assert.ok(ofClients.some(({ worker }) => worker === undefined));
  assert.ok(ofClients.some(({ worker }) => worker !== undefined));
  const seen = lines.filter(({ message }) => message === "seen");
  assert.ok(seen.length > 0 && seen.length <= 3 * records);
  assert.ok(
    seen.every(({ level, worker }) =>
      level === "debug" && typeof worker === "number"
    ),
  );
  const ofConsole = lines.filter(({ stream }) => stream === "console");
  assert.ok(
    ofConsole.some(({ level, message }) =>
      level === "info" && message === "the processor is loaded"
    ),
  );
  assert.ok(
    ofConsole.some(({ level, message }) =>
      level === "error" && message === "a record of none"
    ),
  );
}

/** One that is processed, and one of each fault. */
function faulty(topic: string): OutputRecord[] {
  const json = (fault: string, more = {}) =>
    JSON.stringify({ fault, text: canary, ...more });
  const values = [
    json("none"),
    json("throw"),
    json("reject"),
    json("retry"),
    json("output"),
    json("parse"),
    json(canary),
    json("none", { [canary]: canary }),
    json("none", { text: { [canary]: 1 } }),
    canary,
    `{"${canary}":${canary}}`,
    `{"text":"${canary}`,
    `[1,2,"${canary}",]`,
    `"${canary}"`,
    `${"x".repeat(50)}${canary}`,
  ];
  const key = new TextEncoder().encode(canary);
  const records = values.map((value): OutputRecord => ({
    topic,
    key,
    value,
    headers: [{ key: canary, value: key }],
  }));
  const notText = new Uint8Array([0xff, ...key, 0xfe]);
  return [...records, { topic, key: notText, value: notText }];
}

for (const role of ["mirror", "sentinel"] as const) {
  Deno.test(`SIGHUP changes the level of a ${role}'s log`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".json" });
    const settings = (logLevel: string) =>
      Deno.writeTextFile(file, JSON.stringify({ logLevel }));
    await settings("debug");
    // They let everybody connect and never answer.
    using primary = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using secondary = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    try {
      await using child = Child.deno(["run", "-A", "--no-check", main, role], {
        env: {
          ...withoutOurs(),
          PRIMARY_BROKERS: addressOf(primary),
          SECONDARY_BROKERS: addressOf(secondary),
          SWITCHYARD_CONFIG: file,
          HTTP_PORT: "0",
        },
      });
      // It listens to signals before it has clients.
      await child.waitForLine(/./, { stream: "stderr", timeoutMs: deadlineMs });
      for (const level of ["info", "debug"]) {
        await settings(level);
        child.signal("SIGHUP");
        await child.waitForLine(
          RegExp(`settings read again.*"switchyard.log_level":"${level}"`),
          { stream: "stderr", timeoutMs: deadlineMs },
        );
      }
      assert.ok(child.alive);
    } finally {
      await Deno.remove(file);
    }
  });
}

const addressOf = ({ addr: { hostname, port } }: Deno.TcpListener) =>
  `${hostname}:${port}`;
