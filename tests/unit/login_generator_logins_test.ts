import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Login,
  loginAt,
  type LoginStream,
  MOST_LOGIN_BYTES,
} from "../../src/embedded/login_generator.ts";
import { malformedKinds } from "../../src/embedded/malformed.ts";

const stream: LoginStream = {
  seed: 42,
  malformed: 0,
  startSeconds: 1_800_000_000,
  perSecond: 1000,
};
const streams = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  malformed: fc.double({ min: 0, max: 1, noNaN: true }),
  startSeconds: fc.integer({ min: 1_000_000_000, max: 2_000_000_000 }),
  perSecond: fc.integer({ min: 1, max: 1_000_000 }),
});
const indices = fc.integer({ min: 0, max: 2 ** 32 - 1 });

function logins(stream: LoginStream, count: number): Login[] {
  return Array.from({ length: count }, (_, index) => loginAt(stream, index));
}

const uuid =
  /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("the same stream and index give the same login", () => {
  fc.assert(fc.property(streams, indices, (stream, index) => {
    assert.deepEqual(loginAt(stream, index), loginAt(stream, index));
  }));
});

Deno.test("another seed gives other logins", () => {
  const keys = (seed: number) =>
    new Set(logins({ ...stream, seed }, 1000).map(({ key }) => key));
  assert.equal(keys(1).intersection(keys(2)).size, 0);
});

Deno.test("a login has its fields, each of its type, and its user's id as key", () => {
  fc.assert(fc.property(streams, indices, (stream, index) => {
    const { key, value } = loginAt({ ...stream, malformed: 0 }, index);
    const login = JSON.parse(value as string);
    assert.equal(login.user_id, key);
    assert.match(login.user_id, uuid);
    assert.match(login.device_id, uuid);
    assert.match(login.app_version, /^\d+\.\d+\.\d+$/);
    assert.match(login.device_type, /^ ?[a-z-]+ {0,2}$/i);
    assert.match(
      login.ip,
      /^(\d+\.\d+\.\d+\.\d+|2001:db8:[0-9a-f]+::[0-9a-f]+)$/,
    );
    assert.match(login.locale, /^[a-z]{2}$/i);
    const happened = stream.startSeconds + Math.floor(index / stream.perSecond);
    assert.ok(Number.isInteger(login.timestamp));
    assert.ok(login.timestamp <= happened && login.timestamp > happened - 60);
    assert.equal(Object.keys(login).length, 7);
  }));
});

Deno.test("key and value stay within the bytes that the source counts with", () => {
  const encoder = new TextEncoder();
  const bytesOf = (part: string | Uint8Array | null) =>
    typeof part === "string" ? encoder.encode(part).length : part?.length ?? 0;
  fc.assert(
    fc.property(streams, indices, (stream, index) => {
      const { key, value } = loginAt(stream, index);
      assert.ok(bytesOf(key) + bytesOf(value) <= MOST_LOGIN_BYTES);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("devices and locales are written carelessly, but not always", () => {
  const values = logins(stream, 2000)
    .map(({ value }) => JSON.parse(value as string));
  const some = (
    test: (login: { device_type: string; locale: string }) => boolean,
  ) => values.filter(test).length / values.length;
  const shares = {
    spaced: some(({ device_type }) => device_type !== device_type.trim()),
    capital: some(({ device_type }) => /[A-Z]/.test(device_type)),
    locale: some(({ locale }) => locale !== locale.toUpperCase()),
    mixedLocale: some(({ locale }) => /[A-Z]/.test(locale)),
  };
  for (const [name, share] of Object.entries(shares)) {
    assert.ok(share > 0.05 && share < 0.95, `${name} ${share}`);
  }
});

Deno.test("there are many users, and some log in more often", () => {
  const counts = Map.groupBy(logins(stream, 20_000), ({ key }) => key);
  const frequent = Math.max(
    ...[...counts.values()].map(({ length }) => length),
  );
  assert.ok(counts.size > 5000, `${counts.size} users`);
  assert.ok(frequent > 20, `at most ${frequent} logins of a user`);
});

Deno.test("about the wanted share is malformed, in every way there is", () => {
  const count = 20_000;
  const broken = logins({ ...stream, malformed: 0.1 }, count)
    .flatMap(({ malformed }) => malformed ?? []);
  const share = broken.length / count;
  assert.ok(share > 0.09 && share < 0.11, `${share}`);
  assert.deepEqual(new Set(broken), new Set(malformedKinds));
});

Deno.test("a share of 0 is none and a share of 1 is all", () => {
  const broken = (malformed: number) =>
    logins({ ...stream, malformed }, 1000)
      .filter((login) => login.malformed !== undefined).length;
  assert.deepEqual([broken(0), broken(1)], [0, 1000]);
});

Deno.test("what is called malformed is no login", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (
    const { value, malformed } of logins({ ...stream, malformed: 1 }, 5000)
  ) {
    assert.ok(!isLogin(value), `${malformed}: ${value}`);
  }

  function isLogin(value: Login["value"]): boolean {
    try {
      const text = typeof value === "string" ? value : decoder.decode(value!);
      const login = JSON.parse(text);
      return ["user_id", "device_type", "locale"].every((name) =>
        typeof login[name] === "string"
      ) && typeof login.timestamp === "number";
    } catch {
      return false;
    }
  }
});
