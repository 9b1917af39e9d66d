/** A drill on the clusters of the settings, beside what else is on them. */
import { DrillError } from "../../../dr/drill/mod.ts";
import { DRILL_NAMESPACE } from "../../../dr/formats/mod.ts";
import type { ClusterName } from "../../../dr/state/mod.ts";
import type { Settings } from "../../config/mod.ts";
import { Admin, type Library } from "../../kafka/mod.ts";
import type { Log } from "../../telemetry/log.ts";
import { clientSettings } from "../client_properties.ts";
import { ConfiguredClusters } from "./configured_clusters.ts";
import { DrillFolder } from "./drill_folder.ts";
import { DRILL_PROCESSOR } from "./embedded_world.ts";
import { freeAddress } from "./environment.ts";
import { listedTail } from "./listed_tail.ts";
import { RolesWorld } from "./roles_world.ts";
import { type BreakCommands, UserCommands } from "./user_commands.ts";

export interface ConfiguredWorldOptions {
  readonly library: Library;
  readonly settings: Settings;
  readonly brokers: Readonly<Record<ClusterName, string>>;
  readonly commands: BreakCommands | null;
  /** The name of what happens. */
  readonly scenario: string;
  /** Of what the roles say. */
  readonly roles: Log;
  readonly log: Log;
}

const STOP_MS = 8_000;
const LINKS_ONLY =
  "no broker is harmed: the drill's own roles and its load lose their " +
  "connections, and the brokers live on; --break and --mend break real ones";

/** @throws {DrillError} where the clusters cannot have one. */
export async function openConfiguredWorld(
  options: ConfiguredWorldOptions,
  signal: AbortSignal,
): Promise<RolesWorld> {
  const { brokers, commands, library, log, roles, scenario, settings } =
    options;
  refuseTls(settings);
  const namespace = DRILL_NAMESPACE + crypto.randomUUID().slice(0, 8);
  const topics = {
    input: `${namespace}-input`,
    output: `${namespace}-results`,
    deadLetters: `${namespace}-dlq`,
  };
  const group = `${namespace}-group`;
  const clients = (name: ClusterName) => {
    const { consumer, producer, admin } = clientSettings(
      { ...settings, guarantee: "at-least-once", groupId: group },
      settings[name],
      brokers[name],
    );
    return {
      // What they say of a cluster that is away is part of the drill.
      consumer: {
        ...consumer,
        log_level: 0,
        "isolation.level": "read_committed",
      } as const,
      producer: { ...producer, log_level: 0 },
      admin,
    };
  };
  const own = { primary: clients("primary"), secondary: clients("secondary") };
  const clusters = await ConfiguredClusters.open({
    servers: brokers,
    admins: {
      primary: new Admin(library, { ...own.primary.admin, log_level: 0 }),
      secondary: new Admin(library, { ...own.secondary.admin, log_level: 0 }),
    },
    namespace,
    jobTopics: Object.values(topics),
    commands: new UserCommands(commands, scenario),
    log,
  }, signal);
  const env = {
    ...Deno.env.toObject(),
    SWITCHYARD_NAMESPACE: namespace,
    LIBRDKAFKA_PATH: library.path,
    INPUT_TOPIC: topics.input,
    OUTPUT_TOPIC: topics.output,
    DLQ_TOPIC: topics.deadLetters,
    GROUP_ID: group,
    INSTANCE_ID: namespace,
    GUARANTEE: "exactly-once",
    COORDINATES: "on",
    PROCESSOR: DRILL_PROCESSOR,
    WORKERS: "1",
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: "0",
    LOG_LEVEL: "info",
    MIRROR_TOPICS: [...Object.values(topics), `${namespace}-heartbeats`].join(),
    MIRROR_GROUPS: group,
    MIRROR_GROUP_SYNC: "true",
    MIRROR_POLICY: "identity",
    MIRROR_LANES: "2",
    MIRROR_REFRESH_MS: "5000",
    SENTINEL_MODE: "automatic",
    SENTINEL_TOPICS: topics.input,
    SENTINELS: "1",
    GATEWAY_LISTEN: freeAddress(),
    TRANSACTION_TIMEOUT_MS: "10000",
    DRAIN_MS: "3000",
  };
  return await RolesWorld.open({
    name: "configured",
    showsAborts: false,
    limits: commands === null ? [LINKS_ONLY] : [],
    library,
    clusters,
    env,
    clients: own,
    inputTopic: topics.input,
    outputTopic: topics.output,
    stateTopic: `${namespace}-state`,
    tail: (stopped) => listedTail(env, brokers, topics.input, stopped),
    stopMs: STOP_MS,
    folder: await DrillFolder.open(),
    log: roles,
  });
}

/** What reads the protocol to be in between cannot be where that is sealed. */
function refuseTls({ primary, secondary }: Settings): void {
  for (const [name, { kafka }] of Object.entries({ primary, secondary })) {
    const protocol = String(
      (kafka as Readonly<Record<string, unknown>>)["security.protocol"] ?? "",
    );
    if (!/ssl/i.test(protocol)) continue;
    throw new DrillError(
      `the ${name} is reached by ${protocol}, and a drill stands between its ` +
        "roles and the brokers; give it listeners without TLS",
    );
  }
}
