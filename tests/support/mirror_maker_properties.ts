/** What MirrorMaker 2 is told: one direction between two clusters. */

export interface MirrorEnd {
  /** As in topics' names: `primary`. */
  readonly alias: string;
  /** `bootstrap.servers` */
  readonly brokers: string;
}

/** How often MirrorMaker looks; what is absent has its own default. */
export interface MirrorMakerIntervals {
  /** For new topics and partitions; its default is 600. */
  readonly topicsSeconds?: number;
  /** For new groups; its default is 600. */
  readonly groupsSeconds?: number;
  /** Checkpoints, and positions of groups; its default is 60. */
  readonly checkpointsSeconds?: number;
  /** Its default is 1. */
  readonly heartbeatsSeconds?: number;
  /** Its own positions, at least once; its default is 60,000. */
  readonly offsetsMs?: number;
}

export interface MirrorMakerSettings {
  readonly source: MirrorEnd;
  readonly target: MirrorEnd;
  /** Names, or regular expressions of names. */
  readonly topics: readonly string[];
  /** The same; its default is every group. */
  readonly groups?: readonly string[];
  /** How topics are named on the target; default `identity`: as on the source. */
  readonly policy?: "identity" | "default";
  /** Default false, at least once. */
  readonly isExactlyOnce?: boolean;
  /** Default 1. */
  readonly tasks?: number;
  readonly intervals?: MirrorMakerIntervals;
  /** Of the consumers that read what is copied. */
  readonly consumer?: Readonly<Record<string, string>>;
  /** Of the producers that write it. */
  readonly producer?: Readonly<Record<string, string>>;
  /** Lines that add to ours or replace them. */
  readonly properties?: Readonly<Record<string, string>>;
}

const policies = {
  identity: "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
  default: "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
} as const;

/** The lines of the file that `MirrorMaker` reads. */
export function mirrorMakerProperties(
  settings: MirrorMakerSettings,
): Record<string, string> {
  const { source, target, policy = "identity", isExactlyOnce } = settings;
  const flow = `${source.alias}->${target.alias}`;
  const consumer = {
    ...(isExactlyOnce ? { "isolation.level": "read_committed" } : {}),
    ...settings.consumer,
  };
  return {
    clusters: `${source.alias},${target.alias}`,
    [`${source.alias}.bootstrap.servers`]: source.brokers,
    [`${target.alias}.bootstrap.servers`]: target.brokers,
    [`${flow}.enabled`]: "true",
    [`${flow}.topics`]: settings.topics.join(","),
    ...(settings.groups === undefined
      ? {}
      : { [`${flow}.groups`]: settings.groups.join(",") }),
    // Without heartbeats the way back has no workers.
    [`${target.alias}->${source.alias}.enabled`]: "false",
    [`${target.alias}->${source.alias}.emit.heartbeats.enabled`]: "false",
    "replication.policy.class": policies[policy],
    "tasks.max": String(settings.tasks ?? 1),
    ...oneReplica,
    // Else it reads all jars, which takes seconds.
    "plugin.discovery": "SERVICE_LOAD",
    [`${target.alias}.plugin.discovery`]: "SERVICE_LOAD",
    ...(isExactlyOnce ? exactlyOnce(target.alias) : {}),
    // Stopped sooner it would leave positions behind what it has copied.
    [`${target.alias}.offset.flush.timeout.ms`]: "60000",
    [`${target.alias}.task.shutdown.graceful.timeout.ms`]: "60000",
    ...intervalProperties(target.alias, settings.intervals ?? {}),
    ...prefixed(`${source.alias}.consumer.`, consumer),
    ...prefixed(`${target.alias}.producer.`, settings.producer ?? {}),
    ...settings.properties,
  };
}

/** Of topics, and of what MirrorMaker and Connect keep. */
const oneReplica = Object.fromEntries(
  [
    "replication",
    "checkpoints.topic.replication",
    "heartbeats.topic.replication",
    "offset-syncs.topic.replication",
    "config.storage.replication",
    "offset.storage.replication",
    "status.storage.replication",
  ].map((name) => [`${name}.factor`, "1"]),
);

function exactlyOnce(target: string): Record<string, string> {
  return {
    [`${target}.exactly.once.source.support`]: "enabled",
    // Workers ask their leader to fence those who were there before.
    "dedicated.mode.enable.internal.rest": "true",
    listeners: "http://127.0.0.1:0",
  };
}

function intervalProperties(
  target: string,
  intervals: MirrorMakerIntervals,
): Record<string, string> {
  const { checkpointsSeconds } = intervals;
  const properties: Readonly<Record<string, number | undefined>> = {
    "refresh.topics.interval.seconds": intervals.topicsSeconds,
    "refresh.groups.interval.seconds": intervals.groupsSeconds,
    "emit.checkpoints.interval.seconds": checkpointsSeconds,
    "sync.group.offsets.interval.seconds": checkpointsSeconds,
    "emit.heartbeats.interval.seconds": intervals.heartbeatsSeconds,
    [`${target}.offset.flush.interval.ms`]: intervals.offsetsMs,
  };
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );
}

function prefixed(
  prefix: string,
  properties: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties)
      .map(([name, value]) => [`${prefix}${name}`, value]),
  );
}
