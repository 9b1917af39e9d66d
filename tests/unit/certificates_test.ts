import assert from "node:assert/strict";
import { join } from "node:path";
import { Certificates, endOfPem } from "../../src/commands/certificates.ts";
import { loadSettings } from "../../src/config/mod.ts";

const UNTIL_2027 = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIULoGxxAOLr4XKmoLsV52yWl/LEfwwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdDEwMDAeFw0yNjExMjcwMjU1MTNaFw0yNzAzMDcwMjU1
MTNaMBIxEDAOBgNVBAMMB3Rlc3QxMDAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AATKGQzjLRRODIuMRsnIxCbU5pmKHVZ6LZ7zmOt3SRuQjwS/w2jtZoiYVvuCc8zm
aSDBHKZ5zE5RcH/iR/0F8ASko1MwUTAdBgNVHQ4EFgQUktUkRMbcj1P0q9XiHWcr
Vj15H5MwHwYDVR0jBBgwFoAUktUkRMbcj1P0q9XiHWcrVj15H5MwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB+a+8uvHdi5y5aZ3ynXmKT9xF4fCeS
B/aYVpxSz2DsnwIhANTwMa9dX55NOpwDiNtv4v2+IinVJ2k1Z7qwkz8rrH4e
-----END CERTIFICATE-----
`;
const UNTIL_2036 = `-----BEGIN CERTIFICATE-----
MIIBejCCASGgAwIBAgIUd4tuUis+2efHZtBCU/BScb5w/d0wCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIdGVzdDM2NTAwHhcNMjYxMTI3MDI1NTEzWhcNMzYxMTI0MDI1
NTEzWjATMREwDwYDVQQDDAh0ZXN0MzY1MDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABNSM3RLHASYYbE5p+M5B2psku8045Pkhl7pbT3xC8O/GyBxgh0fkKzkbh3Io
T6NzpXkORn7F6Fr3TM0eLQEIoZujUzBRMB0GA1UdDgQWBBSbrjfPLVvqpeEzUJQK
btkrTn2rezAfBgNVHSMEGDAWgBSbrjfPLVvqpeEzUJQKbtkrTn2rezAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIF+6FMX5Kq2TU7R1SnmDQqK5uDcE
H1gH96cZCbCMQmLXAiBKfmwOr6rsEBZeC0mqoZ19XF1Cf/D5UWqnNpGoCRPdmQ==
-----END CERTIFICATE-----
`;
const END_2027 = Date.parse("2027-03-07T02:55:13Z");
const END_2036 = Date.parse("2036-11-24T02:55:13Z");

Deno.test("a chain ends with the first of its certificates, authorities with the last", () => {
  for (const both of [UNTIL_2027 + UNTIL_2036, UNTIL_2036 + UNTIL_2027]) {
    assert.equal(endOfPem(both, "own"), END_2027);
    assert.equal(endOfPem(both, "authority"), END_2036);
  }
});

Deno.test("a file without certificates has no end", () => {
  assert.equal(endOfPem("-----BEGIN PRIVATE KEY-----", "own"), null);
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
    const [metric] = new Certificates(settings).metrics();
    const [[labels, seconds] = [], ...more] = metric!.samples;
    assert.deepEqual(labels, { cluster: "primary", file: own });
    assert.ok(Math.abs(Number(seconds) * 1000 - (END_2036 - Date.now())) < 6e4);
    assert.deepEqual(more, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
