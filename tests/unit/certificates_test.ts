import assert from "node:assert/strict";
import { join } from "node:path";
import { Certificates, endOfPem } from "../../src/commands/certificates.ts";
import { loadSettings } from "../../src/config/mod.ts";
import {
  END_2027,
  END_2036,
  UNTIL_2027,
  UNTIL_2036,
} from "../support/certificates.ts";

Deno.test("a chain ends with the first of its certificates, authorities with the last", async () => {
  for (const both of [UNTIL_2027 + UNTIL_2036, UNTIL_2036 + UNTIL_2027]) {
    assert.equal(await endOfPem(both, "own"), END_2027);
    assert.equal(await endOfPem(both, "authority"), END_2036);
  }
});

Deno.test("a file without certificates has no end", async () => {
  assert.equal(await endOfPem("-----BEGIN PRIVATE KEY-----", "own"), null);
});

Deno.test("the certificates that the settings name are told, and not those that cannot be read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const own = join(folder, "own.pem");
    await Deno.writeTextFile(own, UNTIL_2036);
    const { settings } = loadSettings({
      env: {
        PRIMARY_BROKERS: "one:9092",
        PRIMARY_KAFKA_SSL_CERTIFICATE_LOCATION: own,
        PRIMARY_KAFKA_SSL_CA_LOCATION: join(folder, "missing.pem"),
      },
      readTextFile: () => "",
      hardwareConcurrency: 1,
      hostname: "host",
    });
    const certificates = new Certificates(settings);
    await certificates.read;
    const [metric] = certificates.metrics();
    const [[labels, seconds] = [], ...more] = metric!.samples;
    assert.deepEqual(labels, { cluster: "primary", file: own });
    assert.ok(Math.abs(Number(seconds) * 1000 - (END_2036 - Date.now())) < 6e4);
    assert.deepEqual(more, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
