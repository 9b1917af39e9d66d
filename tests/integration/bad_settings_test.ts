/**
 * What users and clusters can do wrong: each ends the process soon, with one
 * clear message and the right exit status, and without a stack trace.
 */
import assert from "node:assert/strict";
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  ResourcePatternTypes,
} from "kafkajs";
import type { Child } from "../support/child.ts";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import { freePorts } from "../support/free_port.ts";
import { createInput, topicsOf } from "../support/job.ts";
import { logOf, startJob, summaryOf } from "../support/job_process.ts";
import { loginRecords } from "../support/login_fixture.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";

type Environment = Readonly<Record<string, string>>;

interface Case {
  readonly env: Environment;
  readonly args?: readonly string[];
  readonly message: RegExp;
}

const deadlineMs = 60_000;
/** Each takes a core for a second, some then wait for 10 s. */
const sideBySide = 6;
/** Of our own code; a processor's error may say where in it. */
const stackTrace = /^\s*at .*\/(src|workers)\/|"stack":/;

const topics = topicsOf("bad");
const password = "correct";
const { read, write, describe } = {
  read: AclOperationTypes.READ,
  write: AclOperationTypes.WRITE,
  describe: AclOperationTypes.DESCRIBE,
};

interface Rights {
  readonly input?: AclOperationTypes;
  readonly output?: AclOperationTypes;
  readonly group?: AclOperationTypes;
}

/** By user; the name of each is that of its group as well. */
const rights: Readonly<Record<string, Rights>> = {
  stranger: {},
  reader: { input: describe, output: write, group: read },
  member: { input: read, output: write },
  writer: { input: read, output: describe, group: read },
  creator: { input: read, group: read },
  unread: { input: read, output: write, group: read },
  unwritten: { input: read, output: write, group: read },
  ungrouped: { input: read, output: write, group: read },
};
const users = Object.fromEntries(
  Object.keys(rights).map((user) => [user, password]),
);

clusterSteps("a clear end", { users }, {
  "with status 2 for wrong settings": wrongSettings,
  "with status 1 where there is no such cluster": noCluster,
  "with status 1 where the cluster or the machine lacks something": lacks,
  "with status 1 where a right is lacking from the start": noRights,
  "with status 1 when a right is withdrawn": withdrawals,
});

let prepared: Promise<void> | undefined;

/** Topics with some logins, and the rights of the users; for every step. */
const prepare = (fixture: ClusterFixture) => prepared ??= fill(fixture);

async function fill({ client, cluster }: ClusterFixture): Promise<void> {
  await createInput(cluster, client, { name: "bad", partitions: 2 });
  await cluster.createTopic(topics.output, 2);
  await cluster.createTopic(topics.deadLetter, 2);
  await client.produce(topics.input, loginRecords(100, { seed: 1 }));
  await using admin = await connect(cluster.bootstrapServers);
  await admin.createAcls({ acl: Object.keys(rights).flatMap(aclsOf) });
}

async function wrongSettings(fixture: ClusterFixture): Promise<void> {
  await prepare(fixture);
  const { folder } = fixture;
  const inFile = async (name: string, text: string) => {
    const file = `${folder}/${name}.jsonc`;
    await Deno.writeTextFile(file, text);
    // What the environment says would hide what the file says.
    return { ...open(fixture), SWITCHYARD_CONFIG: file, WORKERS: "" };
  };
  await eachFails(2, {
    "an unknown key": {
      env: await inFile("unknown", `{ "worker": 3 }`),
      message: /unknown key "worker".*did you mean "workers"/,
    },
    "a wrong type": {
      env: await inFile("type", `{ "workers": "many" }`),
      message: /"workers".*expected a whole number/,
    },
    "no JSON": {
      env: await inFile("syntax", `{ "workers": `),
      message: /syntax\.jsonc:1:14: Value expected/,
    },
    "no file": {
      env: { ...open(fixture), SWITCHYARD_CONFIG: `${folder}/none.jsonc` },
      message: /SWITCHYARD_CONFIG.*does not exist/,
    },
    "an unknown property": {
      env: { ...open(fixture), PRIMARY_KAFKA_SOCKET_NAGEL_DISABLE: "true" },
      message: /"socket\.nagel\.disable".*"socket\.nagle\.disable"/,
    },
    "properties that exclude each other": {
      env: {
        ...open(fixture),
        PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "3600000",
      },
      message: /max\.poll\.interval\.ms.*session\.timeout\.ms/,
    },
    "a certificate that is not there": {
      env: {
        ...open(fixture),
        PRIMARY_KAFKA_SECURITY_PROTOCOL: "ssl",
        PRIMARY_KAFKA_SSL_CA_LOCATION: `${folder}/none.pem`,
      },
      message: /ssl\.ca\.location failed/,
    },
    "an unknown option": {
      env: open(fixture),
      args: ["--message", "3"],
      message: /--message/,
    },
  });
}

async function noCluster(fixture: ClusterFixture): Promise<void> {
  const [closedPort] = freePorts(1);
  await using silent = listen((connection) => drain(connection));
  await using closing = listen((connection) => connection.close());
  await using http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(),
  );
  const at = (port: number) => ({
    ...open(fixture),
    PRIMARY_BROKERS: `127.0.0.1:${port}`,
  });
  const unreachable = (why: RegExp) =>
    new RegExp(`cannot reach the Kafka cluster at .*${why.source}`);
  await eachFails(1, {
    "nobody listens": {
      env: at(closedPort!),
      message: unreachable(/Connection refused/),
    },
    "no such host": {
      env: { ...open(fixture), PRIMARY_BROKERS: "no-such-host.invalid:9092" },
      message: unreachable(/Failed to resolve/),
    },
    "nobody answers": {
      env: at(silent.port),
      message: unreachable(/PRIMARY_BROKERS/),
    },
    "connections are closed": {
      env: at(closing.port),
      message: unreachable(/connection closed by peer/),
    },
    "something else answers": {
      env: at(http.addr.port),
      message: unreachable(/Invalid response/),
    },
    "no TLS where it is expected": {
      env: { ...open(fixture), PRIMARY_KAFKA_SECURITY_PROTOCOL: "ssl" },
      // As librdkafka notices first what the broker made of it.
      message: unreachable(/SSL (handshake failed|connection closed by peer)/),
    },
    "a wrong password": {
      env: login(fixture, "writer", "wrong"),
      message: unreachable(/Invalid username or password/),
    },
  });
}

async function lacks(fixture: ClusterFixture): Promise<void> {
  await prepare(fixture);
  const { folder } = fixture;
  await using taken = listen((connection) => connection.close());
  const module = `${folder}/no_processor.ts`;
  await Deno.writeTextFile(module, "export const nothing = 1;");
  await eachFails(1, {
    "no input topic": {
      env: { ...open(fixture), INPUT_TOPIC: "none" },
      message: /the input topic "none" does not exist/,
    },
    "no output topic, and none may be created": {
      env: { ...open(fixture), OUTPUT_TOPIC: "none", CREATE_TOPICS: "false" },
      message: /missing topic "none".*CREATE_TOPICS/,
    },
    "a port in use": {
      env: { ...open(fixture), HTTP_PORT: String(taken.port) },
      message: /the port is in use; set HTTP_PORT/,
    },
    "no processor": {
      env: { ...open(fixture), PROCESSOR: `${folder}/none.ts` },
      message: /none\.ts does not load: Module not found/,
    },
    "a module that is no processor": {
      env: { ...open(fixture), PROCESSOR: module },
      message: /does not export a processor by default/,
    },
    "no library": {
      env: { ...open(fixture), LIBRDKAFKA_PATH: `${folder}/none.so` },
      message: /cannot open .*none\.so/,
    },
  });
  await startedFails("the group refuses the session", {
    env: { ...open(fixture), PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "1000" },
    message: /INVALID_SESSION_TIMEOUT/,
  });
}

async function noRights(fixture: ClusterFixture): Promise<void> {
  await prepare(fixture);
  await eachFails(1, {
    "to see the input": {
      env: login(fixture, "stranger"),
      message: /input topic "bad-input" does not exist .*may not be described/,
    },
    "to create the output": {
      env: { ...login(fixture, "creator"), OUTPUT_TOPIC: "none" },
      message: /cannot create topic "none" .*TOPIC_AUTHORIZATION_FAILED/,
    },
  });
  const started: Readonly<Record<string, RegExp>> = {
    reader: /TOPIC_AUTHORIZATION_FAILED/,
    member: /GROUP_AUTHORIZATION_FAILED/,
    writer: /produce.*TOPIC_AUTHORIZATION_FAILED/,
  };
  await Promise.all(
    Object.entries(started).map(([user, message]) =>
      startedFails(user, { env: login(fixture, user), message })
    ),
  );
}

async function withdrawals(fixture: ClusterFixture): Promise<void> {
  await prepare(fixture);
  const { client, cluster } = fixture;
  await using admin = await connect(cluster.bootstrapServers);
  const withdrawn: Readonly<Record<string, keyof Rights>> = {
    unread: "input",
    unwritten: "output",
    ungrouped: "group",
  };
  await Promise.all(
    Object.entries(withdrawn).map(async ([user, right]) => {
      await using job = startJob({ env: login(fixture, user) });
      await job.waitForLine(/partitions assigned/, { timeoutMs: deadlineMs });
      const [acl] = aclsOf(user).filter((each) =>
        each.resourceName === nameOf(user, right)
      );
      await admin.deleteAcls({ filters: [acl!] });
      // For whom may write no more, or commit.
      await client.produce(topics.input, loginRecords(100, { seed: 2 }));
      await endsWithOneError(job, user, /AUTHORIZATION_FAILED/);
    }),
  );
}

/** Each fails before it starts, and leaves nothing but its message. */
async function eachFails(
  status: number,
  cases: Readonly<Record<string, Case>>,
): Promise<void> {
  const waiting = Object.entries(cases);
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, { env, args = [], message }] = next;
      await using job = startJob({ env, args });
      const { code } = await job.exit(deadlineMs);
      const lines = job.lines("stderr");
      const said = `${name}:\n${lines.join("\n")}`;
      assert.equal(code, status, said);
      assert.equal(lines.length, 1, said);
      assert.match(lines[0]!, message, said);
      assert.doesNotMatch(lines[0]!, stackTrace, said);
      assert.deepEqual(job.lines("stdout"), [], said);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
}

/** Fails after it has started. */
async function startedFails(
  name: string,
  { env, message }: Case,
): Promise<void> {
  await using job = startJob({ env });
  await endsWithOneError(job, name, message);
}

async function endsWithOneError(job: Child, name: string, message: RegExp) {
  const { code } = await job.exit(deadlineMs);
  const said = `${name}:\n${job.lines("stderr").join("\n")}`;
  assert.equal(code, 1, said);
  const errors = logOf(job).filter(({ level }) => level === "error");
  assert.equal(errors.length, 1, said);
  assert.match(errors[0]!.message, message, said);
  for (const line of job.lines("stderr")) {
    assert.doesNotMatch(line, stackTrace, said);
  }
  summaryOf(job);
}

/** Settings of a job that works, where nobody needs to log in. */
const open = ({ cluster }: ClusterFixture): Environment => ({
  PRIMARY_BROKERS: cluster.bootstrapServers,
  INPUT_TOPIC: topics.input,
  OUTPUT_TOPIC: topics.output,
  GROUP_ID: topics.group,
});

const login = (
  fixture: ClusterFixture,
  user: string,
  secret = password,
): Environment => ({
  ...open(fixture),
  PRIMARY_BROKERS: fixture.cluster.loginServers,
  GROUP_ID: user,
  PRIMARY_KAFKA_SECURITY_PROTOCOL: "sasl_plaintext",
  PRIMARY_KAFKA_SASL_MECHANISMS: "PLAIN",
  PRIMARY_KAFKA_SASL_USERNAME: user,
  PRIMARY_KAFKA_SASL_PASSWORD: secret,
});

const nameOf = (user: string, right: keyof Rights) =>
  right === "group" ? user : topics[right];

function aclsOf(user: string) {
  const allow = (name: string, type: AclResourceTypes) =>
  (
    operation: AclOperationTypes,
  ) => ({
    principal: `User:${user}`,
    host: "*",
    operation,
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: type,
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
  });
  const { input, output, group } = rights[user]!;
  const topic = AclResourceTypes.TOPIC;
  return [
    ...[input].filter(isGiven).map(allow(topics.input, topic)),
    ...[output].filter(isGiven).map(allow(topics.output, topic)),
    ...[group].filter(isGiven).map(allow(user, AclResourceTypes.GROUP)),
    allow(topics.deadLetter, topic)(write),
  ].filter(() => user !== "stranger");
}

const isGiven = <T>(value: T | undefined): value is T => value !== undefined;

async function connect(servers: string): Promise<Admin & AsyncDisposable> {
  const admin = quietKafka(servers).admin();
  await admin.connect();
  return Object.assign(admin, {
    [Symbol.asyncDispose]: () => admin.disconnect(),
  });
}

interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Something on a port that is no broker. */
function listen(serve: (connection: Deno.Conn) => unknown): Listening {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) serve(connection);
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

/** Reads all and answers nothing. */
async function drain(connection: Deno.Conn): Promise<void> {
  for await (const _ of connection.readable);
}
