import assert from "node:assert/strict";
import { missingFeatures } from "../../src/kafka/native/features.ts";

const everything = [
  "gzip",
  "snappy",
  "ssl",
  "sasl",
  "lz4",
  "zstd",
  "sasl_gssapi",
  "sasl_plain",
  "sasl_scram",
  "sasl_oauthbearer",
  "oidc",
  "plugins",
];

const without = (...names: string[]) =>
  everything.filter((name) => !names.includes(name));

Deno.test("a full library misses nothing that settings can ask for", () => {
  const settings = {
    "security.protocol": "sasl_ssl",
    "sasl.mechanisms": "OAUTHBEARER",
    "sasl.oauthbearer.method": "oidc",
    "compression.type": "zstd",
    "plugin.library.paths": "monitor",
  };
  assert.deepEqual(missingFeatures(settings, everything, null), []);
});

Deno.test("settings without security or compression need no feature", () => {
  const settings = { "linger.ms": 5, "enable.idempotence": true };
  assert.deepEqual(missingFeatures(settings, [], null), []);
});

const needs: [Record<string, string>, string][] = [
  [{ "security.protocol": "ssl" }, "ssl"],
  [{ "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN" }, "ssl"],
  [
    { "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN" },
    "sasl_plain",
  ],
  [
    { "security.protocol": "sasl_ssl", "sasl.mechanisms": "SCRAM-SHA-512" },
    "sasl_scram",
  ],
  [
    { "security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-256" },
    "sasl_scram",
  ],
  [
    { "security.protocol": "sasl_ssl", "sasl.mechanisms": "OAUTHBEARER" },
    "sasl_oauthbearer",
  ],
  [
    { "security.protocol": "sasl_ssl", "sasl.mechanisms": "GSSAPI" },
    "sasl_gssapi",
  ],
  [
    {
      "security.protocol": "sasl_ssl",
      "sasl.mechanisms": "OAUTHBEARER",
      "sasl.oauthbearer.method": "OIDC",
    },
    "oidc",
  ],
  [{ "compression.type": "zstd" }, "zstd"],
  [{ "compression.codec": "gzip" }, "gzip"],
  [{ "compression.type": "lz4" }, "lz4"],
  [{ "compression.type": "snappy" }, "snappy"],
];

for (const [settings, feature] of needs) {
  const asked = Object.entries(settings).map((it) => it.join("=")).join(", ");
  Deno.test(`${asked} is refused by a library without ${feature}`, () => {
    const lines = missingFeatures(settings, without(feature), null);
    assert.equal(lines.length, 1);
    assert.ok(lines[0]?.includes(` needs ${feature}, `), lines[0] ?? "");
  });
}

Deno.test("SASL without a mechanism means Kerberos and says so", () => {
  const settings = { "security.protocol": "sasl_ssl" };
  const [line] = missingFeatures(settings, without("sasl_gssapi"), null);
  assert.match(line ?? "", /without sasl\.mechanisms \(default GSSAPI\)/);
});

Deno.test("a mechanism is no need while the protocol has no SASL", () => {
  const settings = { "security.protocol": "ssl", "sasl.mechanisms": "GSSAPI" };
  const lines = missingFeatures(settings, without("sasl_gssapi"), null);
  assert.deepEqual(lines, []);
});

Deno.test("each missing feature has its own line with the way to get it", () => {
  const settings = {
    "security.protocol": "sasl_ssl",
    "sasl.mechanisms": "SCRAM-SHA-256",
    "compression.type": "zstd",
  };
  const lines = missingFeatures(settings, [], "pacman");
  assert.equal(lines.length, 3);
  for (const line of lines) assert.match(line, /`deno task native --force`/);
  assert.match(lines[0] ?? "", /security\.protocol=sasl_ssl.*openssl`/);
  assert.match(lines[1] ?? "", /sasl\.mechanisms=SCRAM-SHA-256.*openssl`/);
  assert.match(lines[2] ?? "", /compression\.type=zstd.*zstd`/);
});
