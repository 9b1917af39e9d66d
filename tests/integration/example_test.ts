/** The example processor, run as its users run it: through `PROCESSOR=`. */
import assert from "node:assert/strict";
import { startEmbeddedCluster } from "../../src/embedded/cluster.ts";
import { Child } from "../support/child.ts";
import {
  library,
  Member,
  produce,
  type Received,
  text,
} from "../support/embedded.ts";

const PROCESSOR = "examples/new_devices.ts";
const INPUT = "user-login";
const OUTPUT = "user-login-processed";
const ALERTS = "user-login-new-device";
const DEAD_LETTERS = "user-login.dlq";
const START = ["run", "-A", "src/main.ts", "start"];
const FIRST_SECONDS = 1_800_000_000;

/** User, device, and whether that is news. */
const LOGINS = [
  ["ann", "phone", false],
  ["bob", "tv", false],
  ["ann", "phone", false],
  ["ann", "laptop", true],
  ["bob", "phone", true],
  ["ann", "laptop", false],
  ["ann", "phone", false],
  ["bob", "tablet", true],
] as const;

Deno.test("the example passes every login on and alerts of a user's new devices", async () => {
  await using cluster = await startEmbeddedCluster(library, {
    topics: [INPUT, OUTPUT, ALERTS, DEAD_LETTERS],
    partitions: 2,
  });
  const { bootstrapServers } = cluster;
  const records = LOGINS.map(([user_id, device_id], index) => ({
    topic: INPUT,
    key: user_id,
    value: JSON.stringify({
      user_id,
      device_id,
      device_type: " iOS ",
      ip: "199.0.0.1",
      timestamp: FIRST_SECONDS + index,
      app_version: "2.5.0",
    }),
  }));
  const malformed = { topic: INPUT, key: "ann", value: '{"user_id":"ann"}' };
  await produce(bootstrapServers, [...records, malformed]);

  await using job = Child.deno(
    [...START, "--messages", String(records.length + 1)],
    { env: { PRIMARY_BROKERS: bootstrapServers, PROCESSOR } },
  );
  const { code } = await job.exit(60_000);
  assert.equal(code, 0, job.lines("stderr").join("\n"));
  const alerts = LOGINS.filter(([, , isNew]) => isNew);
  assert.deepEqual(summaryOf(job), {
    consumed: LOGINS.length + 1,
    produced: LOGINS.length + alerts.length,
    deadLettered: 1,
    skipped: 0,
  });

  await using reader = new Member(bootstrapServers, { "group.id": "reader" });
  reader.consumer.subscribe([OUTPUT, ALERTS, DEAD_LETTERS]);
  const expected = LOGINS.length + alerts.length + 1;
  await reader.until(() => reader.received.length >= expected, "all read");
  const ofUser = (topic: string, user: string) =>
    reader.received.filter((each) =>
      each.topic === topic && text(each.key) === user
    );
  for (const user of ["ann", "bob"]) {
    const logins = LOGINS.filter(([name]) => name === user);
    assert.deepEqual(
      ofUser(OUTPUT, user).map(valueOf).map((each) => [
        each.user_id,
        each.device_id,
        each.new_device,
        each.app_version,
      ]),
      logins.map((login) => [...login, "2.5.0"]),
    );
    assert.deepEqual(
      ofUser(ALERTS, user).map(valueOf),
      logins.filter(([, , isNew]) => isNew).map(([user_id, device_id]) => ({
        user_id,
        device_id,
        device_type: "iOS",
        ip: "199.0.0.1",
      })),
    );
  }
  const [first] = ofUser(ALERTS, "ann");
  assert.equal(first!.timestampMs, (FIRST_SECONDS + 3) * 1000);
  assert.deepEqual(headersOf(first!), { alert: "new-device" });
  const [letter] = reader.received.filter((each) =>
    each.topic === DEAD_LETTERS
  );
  assert.equal(text(letter!.value), malformed.value);
  assert.match(headersOf(letter!)["switchyard.reason"] ?? "", /^device_id: /);
});

Deno.test("the example runs on the embedded cluster's own logins", async () => {
  await using job = Child.deno([...START, "--messages", "2000"], {
    env: { PROCESSOR, EMBEDDED_RATE: "10000" },
  });
  const { code } = await job.exit(60_000);
  assert.equal(code, 0, job.lines("stderr").join("\n"));
  const { consumed, produced, deadLettered, skipped } = summaryOf(job);
  assert.deepEqual([consumed, skipped], [2000, 0]);
  const alerts = produced - (consumed - deadLettered);
  assert.ok(alerts > 0, `${alerts} alerts`);
});

function summaryOf(job: Child) {
  const { event, seconds, ...counts } = JSON.parse(job.lines("stdout").at(-1)!);
  assert.equal(event, "summary");
  assert.equal(typeof seconds, "number");
  return counts;
}

const valueOf = ({ value }: Received) => JSON.parse(text(value)!);

const headersOf = ({ headers }: Received): Record<string, string | null> =>
  Object.fromEntries(headers.map(({ key, value }) => [key, text(value)]));
