/** The settings files of a test broker. */
import { freePorts } from "./free_port.ts";

export interface ServerAddress {
  readonly nodeId: number;
  /** For clients, without encryption or login. */
  readonly port: number;
  readonly controllerPort: number;
  /** For clients that log in. */
  readonly loginPort: number;
  /** For clients behind proxies, a listener for each way. */
  readonly ways: readonly ProxiedWay[];
}

export interface ProxiedWay {
  /** Of the listener, in capitals. */
  readonly name: string;
  /** Where the broker listens... */
  readonly proxiedPort: number;
  /** ...and where it tells clients to connect, so where the proxy must listen. */
  readonly advertisedPort: number;
}

export interface ServerOptions {
  /** Every broker of the cluster. */
  readonly servers: readonly ServerAddress[];
  readonly dataFolder: string;
  /** Names and passwords; none: nobody needs to log in. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  readonly config?: Readonly<Record<string, string>> | undefined;
}

/** Ports that are free now, ids from `firstNodeId` on. */
export function serverAddresses(
  brokers = 1,
  firstNodeId = 1,
  ways: readonly string[] = [],
): ServerAddress[] {
  const ports = freePorts((3 + 2 * ways.length) * brokers).values();
  const port = () => ports.next().value!;
  return Array.from({ length: brokers }, (_, index) => ({
    nodeId: firstNodeId + index,
    port: port(),
    controllerPort: port(),
    loginPort: port(),
    ways: ways.map((name) => ({
      name,
      proxiedPort: port(),
      advertisedPort: port(),
    })),
  }));
}

/** What server.properties says. */
export function serverProperties(
  server: ServerAddress,
  { servers, dataFolder, users, config }: ServerOptions,
): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": String(server.nodeId),
    "controller.quorum.voters": servers
      .map((each) => `${each.nodeId}@127.0.0.1:${each.controllerPort}`)
      .join(","),
    "controller.listener.names": "CONTROLLER",
    ...listenerProperties(server, users),
    "log.dirs": dataFolder,
    ...testDefaults(servers.length),
    ...(users === undefined ? {} : loginProperties(users)),
    ...config,
  };
}

function listenerProperties(
  server: ServerAddress,
  users: ServerOptions["users"],
): Record<string, string> {
  const at = (port: number) => `127.0.0.1:${port}`;
  const listener = (
    name: string,
    port: number,
    { advertised = port, protocol = "PLAINTEXT" } = {},
  ) => ({ name, port, advertised, protocol });
  const clients = [
    listener("PLAINTEXT", server.port),
    ...users === undefined ? [] : [
      listener("LOGIN", server.loginPort, { protocol: "SASL_PLAINTEXT" }),
    ],
    ...server.ways.map(({ name, proxiedPort, advertisedPort: advertised }) =>
      listener(name, proxiedPort, { advertised })
    ),
  ];
  return {
    listeners: [
      ...clients.map(({ name, port }) => `${name}://${at(port)}`),
      `CONTROLLER://${at(server.controllerPort)}`,
    ].join(","),
    // Without it those that a test adds later are advertised as well.
    ...(server.ways.length === 0 ? {} : {
      "advertised.listeners": clients
        .map(({ name, advertised }) => `${name}://${at(advertised)}`)
        .join(","),
    }),
    ...(clients.length === 1 ? {} : {
      "listener.security.protocol.map": [
        "CONTROLLER:PLAINTEXT",
        ...clients.map(({ name, protocol }) => `${name}:${protocol}`),
      ].join(","),
      "inter.broker.listener.name": "PLAINTEXT",
    }),
  };
}

/** Writes `name=value` lines. */
export async function writeProperties(
  file: string,
  properties: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`);
  await Deno.writeTextFile(file, lines.join(""));
}

function testDefaults(brokers: number): Record<string, string> {
  const replicas = String(brokers);
  const minimumInSync = brokers === 1 ? "1" : "2";
  return {
    "auto.create.topics.enable": "false",
    // A killed broker is missed after this time, and cannot return before.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "default.replication.factor": replicas,
    "group.coordinator.rebalance.protocols": "classic,consumer",
    "group.initial.rebalance.delay.ms": "0",
    // Records with timestamps of long ago would be deleted half a minute after
    // the broker's start, which busy machines take longer than.
    "log.retention.ms": "-1",
    // Small, because each internal partition costs files and start time.
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": minimumInSync,
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": minimumInSync,
  };
}

/** Brokers, and tests that do not log in, may do everything. */
function loginProperties(
  users: Readonly<Record<string, string>>,
): Record<string, string> {
  const module = "org.apache.kafka.common.security.plain.PlainLoginModule";
  const logins = Object.entries(users)
    .map(([name, password]) => `user_${name}="${password}"`);
  return {
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.login.plain.sasl.jaas.config": `${module} required ${
      logins.join(" ")
    };`,
    "authorizer.class.name":
      "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
  };
}
