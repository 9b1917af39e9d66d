/** TLS passes through the gateway: clients see the broker's certificate. */
import assert from "node:assert/strict";
import { Gateway } from "../../dr/gateway/mod.ts";
import { ErrorCode, type ProducerProperties } from "../../src/kafka/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { addListener } from "../support/add_listener.ts";
import { Sender } from "../support/embedded.ts";
import { type KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";

const TOPIC = "logins";
const RECORD = { topic: TOPIC, partition: 0, value: "v" };
const PASSWORD = "changeit";

realKafkaTest("clients with TLS", async (context) => {
  await withCluster({}, async (cluster) => {
    await cluster.createTopic(TOPIC, 1);
    const { ca, servers } = await addTlsListener(cluster);
    await using gateway = await Gateway.open({
      addresses: [{
        listen: "127.0.0.1:0",
        primary: [servers],
        secondary: [servers],
      }],
      active: "primary",
      log: createLog({ level: "error", write: () => {} }),
    });
    const port = gateway.status().addresses[0]!.listen.split(":").at(-1);
    const tls = {
      "security.protocol": "ssl",
      "ssl.ca.location": ca,
    } satisfies ProducerProperties;
    const steps = {
      "are led to brokers whose certificate names the gateway": async () => {
        await using sender = new Sender(`localhost:${port}`, tls);
        const reports = await sender.send([RECORD]);
        assert.deepEqual(reports.map(({ code }) => code), [0]);
      },
      "refuse brokers whose certificate does not name it": async () => {
        await using sender = new Sender(`127.0.0.1:${port}`, {
          ...tls,
          "message.timeout.ms": 5_000,
        });
        const reports = await sender.send([RECORD]);
        assert.deepEqual(
          reports.map(({ code }) => code),
          [ErrorCode.messageTimedOut],
        );
        const errors = sender.events.filter((event) => event.kind === "error");
        assert.match(
          errors.map(({ error }) => error.message).join("\n"),
          /hostname mismatch|IP address mismatch|verify failed/i,
        );
      },
      "may leave names of hosts unchecked": async () => {
        await using sender = new Sender(`127.0.0.1:${port}`, {
          ...tls,
          "ssl.endpoint.identification.algorithm": "none",
        });
        const reports = await sender.send([RECORD]);
        assert.deepEqual(reports.map(({ code }) => code), [0]);
      },
    };
    for (const [name, step] of Object.entries(steps)) {
      if (!await context.step(name, step)) cluster.keepLogs();
    }
  });
});

/** Its certificate is for `localhost`, and for no address. */
async function addTlsListener(
  cluster: KafkaCluster,
): Promise<{ readonly ca: string; readonly servers: string }> {
  const store = `${cluster.folder}/tls.p12`;
  const ca = `${cluster.folder}/tls.pem`;
  const inStore = ["-alias", "broker", "-keystore", store];
  const password = ["-storepass", PASSWORD];
  await keytool([
    ...["-genkeypair", "-keyalg", "EC", "-dname", "CN=localhost"],
    ...["-ext", "SAN=dns:localhost", "-storetype", "PKCS12"],
    ...[...inStore, ...password],
  ]);
  await keytool([
    ...["-exportcert", "-rfc", "-file", ca],
    ...[...inStore, ...password],
  ]);
  const servers = await addListener(cluster, {
    name: "TLS",
    host: "localhost",
    protocol: "SSL",
    config: {
      "ssl.keystore.location": store,
      "ssl.keystore.type": "PKCS12",
      "ssl.keystore.password": PASSWORD,
    },
  });
  return { ca, servers };
}

async function keytool(args: readonly string[]): Promise<void> {
  const command = new Deno.Command("keytool", {
    args: [...args],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
}
