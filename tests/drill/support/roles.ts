/** A job on two clusters, the mirror between them and a sentinel, as processes. */
import { freePorts } from "../../support/free_port.ts";
import { Job, topicsOf } from "../../support/job.ts";
import { MIRROR_DEFAULTS } from "../../support/mirror_defaults.ts";
import type { MirrorPair } from "../../support/mirror_pair.ts";
import type { MirrorRun } from "../../support/mirror_run.ts";
import { SentinelRun } from "../../support/sentinel_run.ts";
import { eventually } from "../../support/wait.ts";

const readyMs = 120_000;
/** Of each log. */
const toldLines = 40;

export interface Roles {
  readonly job: Job;
  readonly mirror: MirrorRun;
  readonly sentinel: SentinelRun;
}

/** Of the mirrors: else the settings are the defaults, and those of `MirrorPair`. */
export const mirrorEnv = {
  MIRROR_GROUP_SYNC: "true",
  TRANSACTION_TIMEOUT_MS: "10000",
} as const;

/** A planned switch must know whose members are called so. */
const ownIds = {
  PRIMARY_KAFKA_CLIENT_ID: "logins",
  SECONDARY_KAFKA_CLIENT_ID: "logins",
};

/** As `mirrorEnv`, where nothing is hastened for the test. */
export const defaultMirrorEnv = {
  ...mirrorEnv,
  MIRROR_LANES: String(MIRROR_DEFAULTS.lanes),
  MIRROR_REFRESH_MS: String(MIRROR_DEFAULTS.refreshMs),
} as const;

export const topicNames = (name: string): readonly string[] => {
  const { deadLetter, input, output } = topicsOf(name);
  return [input, output, deadLetter];
};

/**
 * The job works exactly once. All of them end with the stack.
 * @param env of the mirror
 */
export async function startRoles(
  pair: MirrorPair,
  name: string,
  stack: AsyncDisposableStack,
  env: Readonly<Record<string, string>> = mirrorEnv,
): Promise<Roles> {
  const { source, target } = pair;
  const brokers = source.cluster.bootstrapServers;
  const standby = { SECONDARY_BROKERS: target.cluster.bootstrapServers };
  const mirror = stack.use(pair.mirror(topicNames(name), env));
  await mirror.running();
  const job = stack.use(
    Job.start({
      brokers,
      name,
      env: {
        ...standby,
        ...ownIds,
        GUARANTEE: "exactly-once",
        INSTANCE_ID: "only",
      },
    }),
  );
  await job.logged("started");
  // Not before: starting all at once looks like an outage on a busy machine.
  const sentinel = stack.use(
    SentinelRun.start({
      ...standby,
      PRIMARY_BROKERS: brokers,
      GATEWAY_LISTEN: `127.0.0.1:${freePorts(1)[0]}`,
      SENTINEL_TOPICS: topicsOf(name).input,
      STATE_REPLICATION_FACTOR: "1",
    }),
  );
  await sentinel.until("knows the state", ({ state }) => state !== null);
  return { job, mirror, sentinel };
}

/** Positions of the job's group are on the secondary, and both clusters are well. */
export async function untilReady(
  { target }: MirrorPair,
  { sentinel }: Roles,
  name: string,
  partitions: number,
): Promise<void> {
  const { group, input } = topicsOf(name);
  await sentinel.until(
    "content with both clusters",
    // A mirror that has just begun copies no heartbeats yet, so nobody knows how
    // far it is.
    ({ decision, isVoting, lagMs }) =>
      isVoting && decision?.kind === "stay" && lagMs !== null,
  );
  await eventually(async () => {
    const positions = await target.client.committedOffsets(group, input);
    return positions.filter((each) => (each?.offset ?? 0) > 0).length ===
      partitions;
  }, { what: "released on the secondary", timeoutMs: readyMs });
}

/** What is of use when a test has failed. */
export function tellFailure(pair: MirrorPair, { job, sentinel }: Roles): void {
  for (const { child } of [job, sentinel]) {
    console.log(child.lines("stderr").slice(-toldLines).join("\n"));
  }
  pair.tellFailure();
}
