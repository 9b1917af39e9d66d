/**
 * The services of docker-compose.yml outside of containers: the same commands
 * with the same settings and permissions, on brokers with the same settings.
 */
import assert from "node:assert/strict";
import { Admin } from "../../src/kafka/mod.ts";
import { ensureNative } from "../../src/kafka/native/locate.ts";
import { Child } from "../support/child.ts";
import {
  type ComposeService,
  imageFlags,
  readComposeFile,
} from "../support/compose_file.ts";
import { library } from "../support/embedded.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { httpOf, logOf, withoutOurs } from "../support/job_process.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { writeProperties } from "../support/kafka_properties.ts";
import { runKafkaTool } from "../support/kafka_tool.ts";
import { OtlpReceiver } from "../support/otlp_receiver.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const { services } = readComposeFile();
const native = await ensureNative();
const INPUT = "user-login";
const OUTPUT = "user-login-processed";
const DEAD_LETTERS = "user-login.dlq";
const startMs = 90_000;
/** Where a broker is and who it is; all else is a setting of the cluster. */
const PLACE =
  /^KAFKA_(NODE_ID|PROCESS_ROLES|.*LISTENER.*|CONTROLLER_QUORUM_VOTERS|LOG_DIRS|HEAP_OPTS)$/;

realKafkaTest(
  "what the services of the Compose file generate, they process, mirror and trace",
  async () => {
    await using stack = new AsyncDisposableStack();
    const [primary, secondary] = await Promise.all([
      KafkaCluster.start({ heapMb: 256, config: settingsOf("small-kafka") }),
      KafkaCluster.start({
        heapMb: 256,
        nodeIdBase: 101,
        config: settingsOf("kafka-101"),
      }),
    ]);
    stack.use(primary);
    stack.use(secondary);
    await assertKnown(primary, "small-kafka");
    const client = stack.use(
      await IndependentClient.connect(primary.bootstrapServers),
    );
    const other = stack.use(
      await IndependentClient.connect(secondary.bootstrapServers, {
        sharing: client,
      }),
    );
    const receiver = stack.use(new OtlpReceiver());
    const run = (name: string, ...more: readonly string[]) =>
      stack.use(start(services[name]!, {
        PRIMARY_BROKERS: primary.bootstrapServers,
        SECONDARY_BROKERS: secondary.bootstrapServers,
        ...receiver.environment,
      }, more));

    await createTopic(services["small-topics"]!, primary);
    assert.equal(await client.partitionCount(INPUT), 4);

    // The small profile: one cluster, nothing exported.
    await generated(run("small-generator", "--messages", "100"), 100);
    const small = run("small-pool");
    await processed(small, 100);
    await stopped(small);
    assert.deepEqual(receiver.requests, {
      "/v1/traces": 0,
      "/v1/metrics": 0,
      "/v1/logs": 0,
    });

    // The full one: exactly once, on two clusters.
    const pool = run("pool");
    const mirror = run("mirror");
    await generated(run("generator", "--messages", "400"), 400);
    await processed(pool, 400);
    const outputs = await client.readTopic(OUTPUT, {
      isolation: "read_committed",
    });
    const letters = await client.readTopic(DEAD_LETTERS, {
      isolation: "read_committed",
    });
    assert.equal(outputs.length + letters.length, 500);
    assert.ok(letters.length < 50);
    for (
      const [topic, count] of [[INPUT, 500], [OUTPUT, outputs.length]] as const
    ) {
      await eventually(async () => {
        const copied = await other.readTopic(topic, {
          isolation: "read_committed",
        });
        return copied.length === count;
      }, { what: `copied ${topic}`, timeoutMs: startMs });
    }

    const names = () =>
      new Set(receiver.logs.map(({ resource }) => resource["service.name"]));
    await eventually(
      () =>
        ["pool", "mirror", "generator"]
          .every((name) => names().has(`switchyard-${name}`)),
      { what: "logs of all services", timeoutMs: startMs },
    );
    await eventually(
      () => {
        const of = (name: string) =>
          new Set(
            receiver.spans
              .filter(({ resource }) => resource["service.name"] === name)
              .map(({ item }) => item.traceId),
          );
        return of("switchyard-generator")
          .intersection(of("switchyard-pool")).size > 0;
      },
      { what: "a trace from the generator to the pool", timeoutMs: startMs },
    );
    // Prometheus fetches them.
    assert.equal(receiver.requests["/v1/metrics"], 0);
    await Promise.all([stopped(pool), stopped(mirror)]);
  },
);

realKafkaTest(
  "Kafka takes what the Compose file says of each broker",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "switchyard-compose-" });
    try {
      const brokers = Object.entries(services)
        .filter(([, { environment }]) => "CLUSTER_ID" in environment);
      assert.equal(brokers.length, 5);
      for (const [name, { environment }] of brokers) {
        await writeProperties(`${folder}/${name}.properties`, {
          ...propertiesOf(environment),
          "log.dirs": `${folder}/${name}`,
        });
        await runKafkaTool(
          "kafka-storage.sh",
          `kafka-storage.sh format --config ${name}.properties ` +
            `--cluster-id ${environment["CLUSTER_ID"]}`,
          "",
          folder,
        );
        const meta = await Deno.readTextFile(
          `${folder}/${name}/meta.properties`,
        );
        assert.match(
          meta,
          new RegExp(`^node.id=${environment["KAFKA_NODE_ID"]}$`, "m"),
        );
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

/** As Compose runs the image, with no more permissions, but where it is on. */
function start(
  { command, environment }: ComposeService,
  replaced: Readonly<Record<string, string>>,
  more: readonly string[],
): Child {
  const here = Object.entries(replaced)
    .filter(([name]) => name in environment || /^OTEL_B/.test(name));
  return Child.deno(
    ["run", ...imageFlags(), "src/main.ts", ...command, ...more],
    {
      env: {
        ...withoutOurs(),
        ...environment,
        ...Object.fromEntries(here),
        LIBRDKAFKA_PATH: native.path,
        HTTP_HOST: "127.0.0.1",
        HTTP_PORT: "0",
      },
    },
  );
}

async function createTopic(
  { command }: ComposeService,
  { bootstrapServers, folder }: KafkaCluster,
): Promise<void> {
  const [tool = "", ...args] = command;
  assert.match(tool, /\/kafka-topics\.sh$/);
  const words = ["kafka-topics.sh", ...args].map((each) =>
    each.replace(/^(--bootstrap-server=).*/, "$1$BROKERS")
  );
  const text = words.join(" ");
  await runKafkaTool("kafka-topics.sh", text, bootstrapServers, folder);
  // Compose runs it at each start.
  await runKafkaTool("kafka-topics.sh", text, bootstrapServers, folder);
}

async function generated(generator: Child, count: number): Promise<void> {
  const { code } = await generator.exit(startMs);
  const said = generator.lines("stderr").slice(-20).join("\n");
  assert.equal(code, 0, said);
  const [summary = ""] = generator.lines("stdout");
  assert.equal(JSON.parse(summary).generated, count);
}

/** Says so in its log, for people who follow it. */
async function processed(pool: Child, count: number): Promise<void> {
  await pool.waitForLine(
    new RegExp(`processed ${count} of ${INPUT} into ${OUTPUT} \\([^)]*/s\\)`),
    { stream: "stderr", timeoutMs: startMs },
  );
  const response = await fetch(`${await httpOf(pool)}/status`);
  const { totals } = await response.json();
  assert.equal(totals.produced + totals.deadLettered, count);
}

async function stopped(child: Child): Promise<void> {
  child.signal("SIGTERM");
  const { code } = await child.exit(startMs);
  assert.equal(code, 0, child.lines("stderr").slice(-20).join("\n"));
  assert.deepEqual(logOf(child).filter(({ level }) => level === "error"), []);
}

/** What Compose says of a cluster's brokers, wherever they are. */
const settingsOf = (name: string): Record<string, string> =>
  propertiesOf(
    Object.fromEntries(
      Object.entries(services[name]!.environment)
        .filter(([variable]) => !PLACE.test(variable)),
    ),
  );

/** As server.properties has it; the image does the same. */
const propertiesOf = (
  environment: ComposeService["environment"],
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment)
      .filter(([variable]) => /^KAFKA_(?!HEAP_OPTS$)/.test(variable))
      .map(([variable, value]) => [
        variable.slice("KAFKA_".length).toLowerCase().replaceAll("_", "."),
        value,
      ]),
  );

/** Kafka passes over names that it does not know. */
async function assertKnown(
  { bootstrapServers }: KafkaCluster,
  name: string,
): Promise<void> {
  await using admin = new Admin(library, {
    "bootstrap.servers": bootstrapServers,
  });
  const [answer] = await admin.configs.describe(
    [{ type: "broker", name: "1" }],
    { timeoutMs: 30_000 },
  );
  const known = new Map(
    answer!.entries.map((entry) => [entry.name, entry.value]),
  );
  for (const [setting, value] of Object.entries(settingsOf(name))) {
    assert.equal(known.get(setting), value, setting);
  }
}
