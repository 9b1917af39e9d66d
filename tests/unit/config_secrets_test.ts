import assert from "node:assert/strict";
import {
  effectiveSettings,
  loadSettings,
  looksSecret,
  renderEffective,
  SettingsError,
} from "../../src/config/mod.ts";

const secret = "hunter2-and-more";

const load = (env: Readonly<Record<string, string>>, settingsFile = "") =>
  loadSettings({
    env: { ...env, SWITCHYARD_CONFIG: "s.jsonc" },
    readTextFile: (path) => {
      switch (path) {
        case "s.jsonc":
          return settingsFile;
        case "/secret":
          return `${secret}\n`;
        case "/empty":
          return "\n";
        default:
          throw new Deno.errors.NotFound(path);
      }
    },
    hardwareConcurrency: 2,
    hostname: "host-1",
  });

function message(env: Readonly<Record<string, string>>, settingsFile = "") {
  try {
    load(env, settingsFile);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  return "";
}

function printed(env: Readonly<Record<string, string>>, settingsFile = "") {
  const rows = effectiveSettings(load(env, settingsFile));
  return renderEffective(rows) + JSON.stringify(rows);
}

Deno.test("a reference to a file is the file's content without its last line end", () => {
  const { settings, sources } = load({
    PRIMARY_KAFKA_SASL_PASSWORD: "${file:/secret}",
  });
  assert.equal(settings.primary.kafka["sasl.password"], secret);
  assert.deepEqual(sources.get('primary.kafka["sasl.password"]'), {
    kind: "environment",
    name: "PRIMARY_KAFKA_SASL_PASSWORD",
    reference: "file:/secret",
  });
});

Deno.test("references stand anywhere in a text, also for numbers in the settings file", () => {
  const { settings } = load(
    { HOST: "a", COUNT: "3" },
    '{"workers": "${env:COUNT}", ' +
      '"primary": {"brokers": "${env:HOST}-1:9092,${env:HOST}-2:9092"}}',
  );
  assert.equal(settings.workers, 3);
  assert.equal(settings.primary.brokers, "a-1:9092,a-2:9092");
});

Deno.test("what a reference brings is not expanded again", () => {
  const { settings } = load({
    TRICKY: "${file:/secret}",
    PRIMARY_KAFKA_SASL_PASSWORD: "${env:TRICKY}",
  });
  assert.equal(settings.primary.kafka["sasl.password"], "${file:/secret}");
});

Deno.test("other texts with a dollar are left alone", () => {
  const command = 'kinit ${OPTIONS:-"-f"} $USER ${HOME} %{x}';
  const { settings } = load({ PRIMARY_KAFKA_SASL_KERBEROS_KINIT_CMD: command });
  assert.equal(settings.primary.kafka["sasl.kerberos.kinit.cmd"], command);
});

/** A value, what is said of it. */
const failing: readonly (readonly [string, string])[] = [
  ["${env:NOPE}", "refers to environment variable NOPE, which is not set"],
  ["${env:EMPTY}", "refers to environment variable EMPTY, which is not set"],
  ["${file:/nope}", "refers to file /nope, which does not exist"],
  ["${file:/empty}", "refers to file /empty, which is empty"],
  ["${fiel:/secret}", 'refers to ${fiel:/secret}; did you mean "${file:...}"?'],
];

for (const [value, said] of failing) {
  Deno.test(`the reference ${value} fails: ${said}`, () => {
    assert.equal(message({ EMPTY: "", GROUP_ID: value }), `GROUP_ID ${said}`);
    assert.equal(
      message({}, `{"primary": {"kafka": {"client.id": "${value}"}}}`),
      `primary.kafka["client.id"] in s.jsonc:1:24 ${said}`,
    );
  });
}

Deno.test("a reference in a value that is overridden is not followed", () => {
  const { settings } = load(
    { GROUP_ID: "g" },
    '{"groupId": "${file:/nope}"}',
  );
  assert.equal(settings.groupId, "g");
});

for (
  const property of [
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.config",
    "some.plugin.api.token",
  ]
) {
  Deno.test(`${property} is never printed`, () => {
    const text = printed(
      {},
      `{"primary": {"kafka": {"${property}": "${secret}"}}}`,
    );
    assert.match(text, /\*\*\*/);
    assert.doesNotMatch(text, new RegExp(secret));
  });
}

Deno.test("properties that only sound like secrets are printed", () => {
  for (
    const property of [
      "sasl.username",
      "ssl.key.location",
      "sasl.oauthbearer.client.id",
      "sasl.oauthbearer.token.endpoint.url",
    ]
  ) assert.equal(looksSecret(property), false, property);
});

Deno.test("a property that came through a reference is not printed, whatever its name", () => {
  const text = printed({ PRIMARY_KAFKA_SASL_USERNAME: "${file:/secret}" });
  assert.match(text, /PRIMARY_KAFKA_SASL_USERNAME via file:\/secret +\*\*\*/);
  assert.doesNotMatch(text, new RegExp(secret));
});

Deno.test("user and password in a URL are not printed", () => {
  const text = printed({
    PRIMARY_KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL:
      `https://me:${secret}@example.com/token`,
  });
  assert.match(text, /https:\/\/\*\*\*@example\.com\/token/);
  assert.doesNotMatch(text, new RegExp(secret));
});

Deno.test("a secret in a wrong place is not quoted in the problem", () => {
  assert.equal(
    message({ WORKERS: "${file:/secret}" }),
    "WORKERS is *** (from file:/secret); expected a whole number from 1 to " +
      "1,024",
  );
  assert.equal(
    message({}, `{"primary": {"kafka": "sasl.password=${secret}"}}`),
    '"primary.kafka" in s.jsonc:1:23: expected an object, not string',
  );
  assert.equal(
    message({}, `{"primary": {"kafka": {"sasl.password": ["${secret}"]}}}`),
    'primary.kafka["sasl.password"] in s.jsonc:1:24 is ***; expected text, a ' +
      "number, true or false",
  );
});
