import assert from "node:assert/strict";
import fc from "fast-check";
import {
  effectiveSettings,
  loadSettings,
  nearestName,
  renderEffective,
  SettingsError,
} from "../../src/config/mod.ts";
import { leavesOf } from "../../src/config/field.ts";
import { settingsSchema } from "../../src/config/table.ts";

type Environment = Readonly<Record<string, string>>;

const load = (env: Environment, settingsFile = "") =>
  loadSettings({
    env: { ...env, SWITCHYARD_CONFIG: "s.jsonc" },
    readTextFile: (path) => {
      if (path === "s.jsonc") return settingsFile;
      throw new Deno.errors.NotFound(path);
    },
    hardwareConcurrency: 2,
    hostname: "host-1",
  });

const leaves = leavesOf(settingsSchema.shape);
const variables = leaves.map(({ field }) =>
  field.form === "value" ? field.env : `${field.env}SASL_PASSWORD`
);

/** Settings that are valid together, by environment variable. */
const validEnvironment = fc.record({
  WORKERS: fc.integer({ min: 1, max: 1024 }),
  BATCH_RECORDS: fc.integer({ min: 1, max: 50_000 }),
  DRAIN_MS: fc.integer({ min: 0, max: 3_600_000 }),
  RATE_KBYTES: fc.integer({ min: 1, max: 1_000_000 }),
  EMBEDDED_MALFORMED: fc.constantFrom(0, 0.5, 1),
  INPUT_TOPIC: fc.stringMatching(/^in[a-z0-9._-]{0,20}$/),
  LOG_LEVEL: fc.constantFrom("debug", "info", "warn", "error"),
  CREATE_TOPICS: fc.boolean(),
  PRIMARY_BROKERS: fc.stringMatching(/^[a-z]{1,9}:9[0-9]{3}$/),
  PRIMARY_KAFKA_CLIENT_ID: fc.stringMatching(/^[a-z]{1,9}$/),
  SECONDARY_PRODUCER_LINGER_MS: fc.nat(),
}, { requiredKeys: [] }).map((record): Environment =>
  Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, String(value)]),
  )
);

/** The problems of settings, or none; any other error is a fault of ours. */
function problems(env: Environment, settingsFile?: string) {
  try {
    load(env, settingsFile);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

function assertOneLineEach(lines: readonly string[]) {
  // deno-lint-ignore no-control-regex
  for (const line of lines) assert.doesNotMatch(line, /[\x00-\x1f]/);
}

Deno.test("settings that are written to a file load as they were", () => {
  fc.assert(fc.property(validEnvironment, (env) => {
    const { settings } = load(env);
    assert.deepEqual(load({}, JSON.stringify(settings)).settings, settings);
  }));
});

Deno.test("whatever the file holds, the environment wins, and each source says so", () => {
  fc.assert(fc.property(validEnvironment, validEnvironment, (inFile, env) => {
    const below = load(inFile);
    const { settings, sources } = load(
      { ...env, OUTPUT_TOPIC: "out", DLQ_TOPIC: "dead" },
      JSON.stringify(below.settings),
    );
    for (const { path, keys, field } of leaves) {
      if (field.form !== "value") continue;
      const at = (from: unknown) =>
        keys.reduce<unknown>((it, key) => Object(it)[key], from);
      const alone = load({
        ...env,
        OUTPUT_TOPIC: "out",
        DLQ_TOPIC: "dead",
      }).settings;
      const isGiven = field.env in env ||
        ["OUTPUT_TOPIC", "DLQ_TOPIC"].includes(field.env);
      assert.deepEqual(
        at(settings),
        at(isGiven ? alone : below.settings),
        path,
      );
      const { kind } = sources.get(path) ?? {};
      assert.equal(kind, isGiven ? "environment" : "file", path);
    }
  }));
});

Deno.test("any text in any variable loads or is refused with single lines", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^\$\{(env|file|fiel|x):.*\}$/),
    fc.constantFrom("-0", "1e999", "99999999999999999999", "NaN", "\0", "1\n"),
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...variables), anything),
      (env) => assertOneLineEach(problems(env)),
    ),
    { numRuns: 500 },
  );
});

Deno.test("any file loads or is refused with single lines", () => {
  const valid = JSON.stringify(load({}).settings);
  const damaged = fc.tuple(fc.nat(valid.length), fc.nat(9), fc.string())
    .map(([at, length, text]) =>
      valid.slice(0, at) + text + valid.slice(at + length)
    );
  const keyed = fc.dictionary(
    fc.oneof(
      fc.constantFrom(...leaves.map(({ keys }) => keys[0] ?? "")),
      fc.string({ unit: "binary" }),
      fc.constantFrom("__proto__", "constructor"),
    ),
    fc.jsonValue(),
  ).map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(
      fc.oneof(damaged, keyed, fc.string({ unit: "binary" }), fc.json()),
      (text) => assertOneLineEach(problems({}, text)),
    ),
    { numRuns: 1000 },
  );
});

Deno.test("a secret is in no print and in no problem, whatever else is wrong", () => {
  const secrets = fc.stringMatching(/^[A-Za-z0-9]{12,30}$/);
  const place = fc.constantFrom(
    "PRIMARY_KAFKA_SASL_PASSWORD",
    "PRIMARY_CONSUMER_SSL_KEY_PEM",
    "SECONDARY_PRODUCER_SASL_OAUTHBEARER_CLIENT_SECRET",
  );
  fc.assert(
    fc.property(
      secrets,
      place,
      fc.dictionary(
        // The default of the dead-letter topic is made of the input topic.
        fc.constantFrom(...variables.filter((it) => it !== "INPUT_TOPIC")),
        fc.constantFrom("", "7", "x y", "${env:SECRET}", "a${env:SECRET}b:1"),
      ),
      (secret, name, others) => {
        const env = { ...others, [name]: "${env:SECRET}", SECRET: secret };
        let said: string;
        try {
          // Names of groups and topics are printed even through a reference.
          const rows = effectiveSettings(load(env))
            .filter(({ path }) => path.includes("["));
          said = renderEffective(rows) + JSON.stringify(rows);
        } catch (error) {
          if (!(error instanceof SettingsError)) throw error;
          said = error.message;
        }
        assert.ok(!said.includes(secret), said);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a name with a letter too few, too many or swapped finds the name that was meant", () => {
  const names = leaves.map(({ path }) => path);
  const mistyped = fc.tuple(
    fc.constantFrom(...names),
    fc.nat(),
    fc.constantFrom("drop", "double", "swap"),
  ).map(([name, seed, how]) => {
    const at = seed % (name.length - 1);
    const [a = "", b = ""] = [name[at], name[at + 1]];
    const middle = { drop: b, double: a + a + b, swap: b + a }[how] ?? "";
    return { name, typed: name.slice(0, at) + middle + name.slice(at + 2) };
  });
  fc.assert(fc.property(mistyped, ({ name, typed }) => {
    assert.equal(nearestName(typed, names), name);
  }));
});
