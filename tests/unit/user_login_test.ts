import assert from "node:assert/strict";
import fc from "fast-check";
import { isoFromSeconds, isoNow } from "../../workers/processors/iso_time.ts";
import userLogin from "../../workers/processors/user_login.ts";
import { fakeClock } from "./support_clock.ts";
import { stream, valued } from "./support_stream.ts";
import type { FakeRecord } from "./support_worker_fakes.ts";

const LOGIN = {
  user_id: "424cdd21-063a-43a7-b91b-7ca1a833afae",
  app_version: "2.3.0",
  device_type: " Android ",
  ip: "199.172.111.135",
  locale: "de_DE",
  device_id: "593-47-5928",
  timestamp: 1_694_479_551,
};
const FIELDS = Object.keys(LOGIN) as (keyof typeof LOGIN)[];

/** The largest time of a JavaScript Date, in seconds. */
const MAX_SECONDS = 8.64e12;

function processed(value: FakeRecord["value"]) {
  const { sink, handle } = stream(userLogin);
  handle([{ lane: 0, offset: 0, value: value ?? null }]);
  return { outputs: sink.outputs, rejections: sink.rejections };
}

function outputOf(login: unknown) {
  const { outputs, rejections } = processed(JSON.stringify(login));
  assert.deepEqual(rejections, []);
  assert.equal(outputs.length, 1);
  const { key, value } = outputs[0]!.record;
  return { key, text: String(value), value: JSON.parse(String(value)) };
}

function reasonOf(value: FakeRecord["value"]): string {
  const { outputs, rejections } = processed(value);
  assert.deepEqual(outputs, []);
  assert.equal(rejections.length, 1);
  return rejections[0]!.reason;
}

Deno.test("device_type is trimmed and in lower case", () => {
  assert.equal(outputOf(LOGIN).value.device_type, "android");
  const tabs = { ...LOGIN, device_type: "\t iOS\u00a0X \n" };
  assert.equal(outputOf(tabs).value.device_type, "ios\u00a0x");
});

Deno.test("locale is in upper case", () => {
  assert.equal(outputOf(LOGIN).value.locale, "DE_DE");
  assert.equal(outputOf({ ...LOGIN, locale: "ru" }).value.locale, "RU");
});

Deno.test("login_at is the timestamp, in seconds, as ISO 8601", () => {
  const { value } = outputOf(LOGIN);
  assert.equal(value.login_at, "2023-09-12T00:45:51.000Z");
  assert.equal(value.timestamp, LOGIN.timestamp);
});

Deno.test("processed_at is the time of processing", () => {
  const before = Date.now();
  const at = Date.parse(outputOf(LOGIN).value.processed_at);
  assert.ok(before <= at && at <= Date.now());
});

Deno.test("the output is keyed by user_id", () => {
  assert.equal(outputOf(LOGIN).key, LOGIN.user_id);
});

Deno.test("every other field stays as it is and where it is", () => {
  const login = '{"z":{"a":[1,null,"x"]},' +
    JSON.stringify(LOGIN).slice(1, -1) +
    ',"__proto__":{"b":2},"constructor":"c","":0}';
  const { outputs } = processed(login);
  const text = String(outputs[0]!.record.value);
  assert.deepEqual(
    Object.keys(JSON.parse(text)),
    [...Object.keys(JSON.parse(login)), "login_at", "processed_at"],
  );
  assert.ok(text.startsWith('{"z":{"a":[1,null,"x"]},"user_id":"424cdd21'));
  assert.ok(text.includes('"__proto__":{"b":2},"constructor":"c","":0'));
});

Deno.test("times that the login claims to have been processed at are replaced", () => {
  const { value } = outputOf({ ...LOGIN, login_at: 1, processed_at: "never" });
  assert.equal(value.login_at, "2023-09-12T00:45:51.000Z");
  assert.match(value.processed_at, /^\d{4}-.*Z$/);
});

Deno.test("any login gives what its description says, whatever else it holds", () => {
  const timestamp = fc.oneof(
    fc.integer({ min: 0, max: 4_000_000_000 }),
    fc.double({ min: 0, max: MAX_SECONDS, noNaN: true }),
  );
  const login = fc.record({
    user_id: fc.string({ minLength: 1, unit: "grapheme" }),
    app_version: fc.string(),
    device_type: fc.string({ unit: "grapheme" }),
    ip: fc.string(),
    locale: fc.string({ unit: "grapheme" }),
    device_id: fc.string(),
    timestamp,
  });
  const others = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(fc.property(others, login, (others, login) => {
    const text = JSON.stringify({ ...others, ...login });
    const expected = {
      ...JSON.parse(text),
      device_type: login.device_type.trim().toLowerCase(),
      locale: login.locale.toUpperCase(),
      login_at: new Date(login.timestamp * 1000).toISOString(),
    };
    const { outputs } = processed(text);
    const { processed_at: at, ...value } = JSON.parse(
      String(outputs[0]!.record.value),
    );
    assert.equal(new Date(at).toISOString(), at);
    assert.equal(outputs[0]!.record.key, login.user_id);
    assert.deepEqual(value, expected);
  }));
});

Deno.test("the edges of what is allowed are allowed", () => {
  assert.equal(
    outputOf({ ...LOGIN, timestamp: 0 }).value.login_at,
    "1970-01-01T00:00:00.000Z",
  );
  assert.equal(
    outputOf({ ...LOGIN, timestamp: MAX_SECONDS }).value.login_at,
    "+275760-09-13T00:00:00.000Z",
  );
  assert.equal(
    outputOf({ ...LOGIN, timestamp: 1.0015 }).value.login_at,
    "1970-01-01T00:00:01.001Z",
  );
  assert.equal(outputOf({ ...LOGIN, user_id: " " }).key, " ");
  assert.equal(outputOf({ ...LOGIN, locale: "" }).value.locale, "");
});

for (const field of FIELDS) {
  Deno.test(`a login without ${field} is rejected, and the reason names it`, () => {
    const { [field]: _, ...rest } = LOGIN;
    assert.match(reasonOf(JSON.stringify(rest)), new RegExp(`^${field}: .+`));
  });

  for (const wrong of [null, true, [], {}, field === "timestamp" ? "1" : 1]) {
    const shown = JSON.stringify(wrong);
    Deno.test(`a login with ${shown} for ${field} is rejected, and the reason names it`, () => {
      const text = JSON.stringify({ ...LOGIN, [field]: wrong });
      assert.match(reasonOf(text), new RegExp(`^${field}: .+`));
    });
  }
}

Deno.test("an empty user_id is rejected", () => {
  assert.match(
    reasonOf(JSON.stringify({ ...LOGIN, user_id: "" })),
    /^user_id: /,
  );
});

for (const timestamp of ["-1", "-0.001", "8640000000000.1", "1e13", "1e400"]) {
  Deno.test(`a timestamp of ${timestamp} is rejected`, () => {
    const text = JSON.stringify(LOGIN)
      .replace(String(LOGIN.timestamp), timestamp);
    assert.match(reasonOf(text), /^timestamp: /);
  });
}

const MALFORMED: readonly [string, FakeRecord["value"], RegExp][] = [
  ["a tombstone", null, /^the value is null$/],
  ["nothing", "", /^the value is not JSON: /],
  ["JSON that ends in the middle", JSON.stringify(LOGIN).slice(0, -9), /JSON/],
  ["two logins in one", JSON.stringify(LOGIN).repeat(2), /not JSON/],
  ["a list", JSON.stringify([LOGIN]), /expected object/],
  ["text", '"login"', /expected object/],
  ["null", "null", /expected object/],
  ["a number", "42", /expected object/],
  ["bytes that are no text", new Uint8Array([0x7b, 0xff, 0x7d]), /./],
];
for (const [what, value, reason] of MALFORMED) {
  Deno.test(`${what} is rejected with a reason`, () => {
    assert.match(reasonOf(value), reason);
  });
}

Deno.test("a malformed login among others does not keep them from being processed", () => {
  const { sink, settlement, handle } = stream(userLogin);
  const login = JSON.stringify(LOGIN);
  handle(valued(login, "{", login));
  assert.deepEqual(sink.outputs.map(({ offset }) => offset), [0, 2]);
  assert.deepEqual(sink.rejections.map(({ offset }) => offset), [1]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("every time in seconds is written as Date.toISOString would", () => {
  const seconds = fc.oneof(
    fc.integer({ min: 0, max: 4_000_000_000 }),
    fc.integer({ min: -MAX_SECONDS, max: MAX_SECONDS }),
    fc.integer({ min: -100_000_000, max: 100_000_000 })
      .map((day) => Math.min(MAX_SECONDS, day * 86_400)),
    fc.integer({ min: 0, max: 4_000_000_000 }).map((ms) => ms / 1000),
    fc.double({ min: -MAX_SECONDS, max: MAX_SECONDS, noNaN: true }),
  );
  fc.assert(
    fc.property(seconds, (each) => {
      const iso = new Date(each * 1000).toISOString();
      assert.equal(isoFromSeconds(each), iso);
      assert.equal(isoFromSeconds(each), iso); // now from what was kept
    }),
    { numRuns: 5000 },
  );
});

Deno.test("more days than are kept at once are written right all the same", () => {
  for (let day = 0; day < 2000; day++) {
    const seconds = day * 86_400 + day;
    assert.equal(
      isoFromSeconds(seconds),
      new Date(seconds * 1000).toISOString(),
    );
  }
});

Deno.test("a time that no Date can hold is an error, as it is for Date", () => {
  assert.throws(() => isoFromSeconds(MAX_SECONDS + 86_400), RangeError);
  assert.throws(() => isoFromSeconds(NaN), RangeError);
});

Deno.test("the current time moves with every millisecond", async () => {
  using clock = fakeClock();
  const seen: string[] = [];
  for (let step = 0; step < 3; step++) {
    assert.equal(isoNow(), new Date().toISOString());
    assert.equal(isoNow(), isoNow());
    seen.push(isoNow());
    await clock.tick(1);
  }
  assert.equal(new Set(seen).size, 3);
});
