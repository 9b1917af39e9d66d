/**
 * Two real clusters with the same input, a pool that follows the active one, and
 * what is asked of both from outside.
 */
import assert from "node:assert/strict";
import {
  type DrState,
  type Proposal,
  StateStore,
  type Votes,
} from "../../dr/state/mod.ts";
import { ensureTopics, noting, stateClusters, TIMINGS } from "./dr_state.ts";
import { IndependentClient } from "./independent_client.ts";
import { createInput, Job, jsonOf, topicsOf } from "./job.ts";
import { KafkaCluster } from "./kafka_cluster.ts";
import { pause } from "./pause.ts";
import { withKafkaAdmin } from "./quiet_kafkajs.ts";
import { eventually } from "./wait.ts";

const name = "following";
const partitions = 4;
/** On each cluster. */
export const logins = 12_000;
export const deadlineMs = 60_000;
export const topics = topicsOf(name);
const { group, output } = topics;
const { signal } = new AbortController();
/** Short where a cluster is dead; it is the test that decides to go on. */
const timings = {
  requestMs: 8_000,
  readMs: 3_000,
  forcedReadMs: 500,
  copyMs: 2_000,
};

export type Side = "primary" | "secondary";

export interface Scene {
  readonly job: Job;
  readonly clusters: Readonly<Record<Side, KafkaCluster>>;
  readonly clients: Readonly<Record<Side, IndependentClient>>;
  readonly store: StateStore;
  readonly votes: Votes;
}

export type World = Omit<Scene, "job" | "votes"> & {
  readonly state: ReturnType<typeof stateClusters>;
};

export async function twoClusters(stack: AsyncDisposableStack): Promise<World> {
  const [primary, secondary] = await Promise.all(
    [1, 101].map(async (nodeIdBase) =>
      stack.use(await KafkaCluster.start({ heapMb: 256, nodeIdBase }))
    ),
  ) as [KafkaCluster, KafkaCluster];
  const clusters = { primary, secondary };
  const onPrimary = stack.use(
    await IndependentClient.connect(primary.bootstrapServers),
  );
  const clients = {
    primary: onPrimary,
    secondary: stack.use(
      await IndependentClient.connect(secondary.bootstrapServers, {
        sharing: onPrimary,
      }),
    ),
  };
  for (const side of ["primary", "secondary"] as const) {
    await createInput(clusters[side], clients[side], {
      name,
      partitions,
      logins,
    });
  }
  const state = stateClusters(stack, {
    primary: primary.bootstrapServers,
    secondary: secondary.bootstrapServers,
  });
  const store = stack.use(new StateStore({ ...state, timings }));
  return { clusters, clients, state, store };
}

/** The first state, written with patience: both clusters have it. */
export async function firstOnBoth(
  { state }: Pick<World, "state">,
): Promise<void> {
  await ensureTopics(state, signal);
  await using store = new StateStore({ ...state, timings: TIMINGS });
  const first = await store.change(noting("first"), { signal });
  assert.equal(first.kind === "changed" && await first.copied, null);
}

export const start = (
  { clusters }: Pick<World, "clusters">,
  env: Readonly<Record<string, string>>,
) =>
  Job.start({
    brokers: clusters.primary.bootstrapServers,
    name,
    env: {
      SECONDARY_BROKERS: clusters.secondary.bootstrapServers,
      INSTANCE_ID: "only",
      // So slow that there is work in every step.
      RATE_RECORDS: "1000",
      ...env,
    },
  });

export async function inSteps<S extends Omit<Scene, "votes">>(
  context: Deno.TestContext,
  steps: Readonly<Record<string, (scene: S) => Promise<void>>>,
  scene: S,
): Promise<void> {
  for (const [step, run] of Object.entries(steps)) {
    if (await context.step(step, () => run(scene))) continue;
    scene.clusters.primary.keepLogs();
    scene.clusters.secondary.keepLogs();
    console.log(scene.job.child.lines("stderr").slice(-40).join("\n"));
  }
}

export const following = async (job: Job) =>
  JSON.parse((await job.get("/status")).text).following as {
    readonly active: Side;
    readonly epoch: number;
    readonly phase: string;
  };

export async function change(
  store: StateStore,
  propose: (newest: DrState) => Proposal,
): Promise<DrState> {
  const { state } = await store.change((newest) => propose(newest!), {
    force: true,
    signal,
  });
  return state!;
}

export const switchTo = (store: StateStore, active: Side) =>
  change(store, (newest) => ({
    ...newest,
    active,
    phase: "steady",
    era: newest.era + 1,
    reason: `to ${active}`,
  }));

/** Waits for the pool, and says how long it took. */
export async function arrived(
  { clients, job }: Pick<Scene, "clients" | "job">,
  side: Side,
  { epoch, sinceMs }: DrState,
): Promise<void> {
  const line = await job.logged(
    `switched to ${side} (epoch ${epoch})`,
    deadlineMs,
  );
  const { time } = line;
  const first = await eventually(async () => {
    const records = await clients[side].readTopic(output, {
      isolation: "read_committed",
    });
    const times = records.map((each) => each.timestampMs)
      .filter((ms) => ms >= sinceMs);
    return times.length > 0 ? Math.min(...times) : null;
  }, { what: `outputs on ${side}`, timeoutMs: deadlineMs });
  const fencedMs = fencedAt(job, { epoch });
  console.log(
    `${side}: fenced after ${fencedMs === null ? "-" : fencedMs - sinceMs}, ` +
      `threads after ${Date.parse(time) - sinceMs}, ` +
      `first output after ${first - sinceMs} ms`,
  );
}

/** When its fences were raised; null: it had ended before. */
export function fencedAt(
  job: Job,
  { epoch }: Pick<DrState, "epoch">,
): number | null {
  const line = job.log().find((each) =>
    each.message.startsWith("fenced off from") && each.epoch === epoch
  );
  return line === undefined ? null : Date.parse(line.time);
}

export async function outputsOn(
  { clients }: Pick<Scene, "clients">,
  side: Side,
  count: number,
): Promise<void> {
  await eventually(async () => {
    const records = await clients[side].readTopic(output, {
      isolation: "read_committed",
    });
    return records.length >= count;
  }, { what: `${count} outputs on ${side}`, timeoutMs: deadlineMs });
}

/** Aborted or not: the time of a record is that at which it was produced. */
export async function nothingAfterFence(
  client: IndependentClient,
  fencedMs: number | null,
): Promise<void> {
  assert.ok(fencedMs !== null, "fenced off");
  const records = await client.readTopic(output);
  const late = records.map((each) => each.timestampMs - fencedMs)
    .filter((ms) => ms > 0);
  assert.deepEqual(late, []);
}

/** No login has two outputs; with a count, each of those has one. */
export async function once(
  client: IndependentClient,
  count: number | null,
): Promise<void> {
  const records = await client.readTopic(output, {
    isolation: "read_committed",
    awaitTransactions: true,
  });
  const ids = records.map((each) =>
    jsonOf<{ event_id: number }>(each).event_id
  );
  assert.equal(new Set(ids).size, ids.length, "repeated");
  if (count !== null) assert.equal(ids.length, count, "lost");
}

/** The group has forgotten the member of the old session. */
export async function membersGone(cluster: KafkaCluster): Promise<void> {
  await withKafkaAdmin(cluster.bootstrapServers, async (admin) => {
    await eventually(async () => {
      const { groups } = await admin.describeGroups([group]);
      return groups.every(({ members }) => members.length === 0);
    }, { what: "members gone", timeoutMs: deadlineMs });
  });
}

/** Looks at the totals all the time: they never go down. */
export function watching(job: Job) {
  const stop = new AbortController();
  const wentDown: number[][] = [];
  let last = 0;
  let seen = 0;
  const ended = (async () => {
    while (!stop.signal.aborted && job.child.alive) {
      try {
        const { totals } = await job.status();
        if (totals.consumed < last) wentDown.push([last, totals.consumed]);
        last = totals.consumed;
        seen++;
      } catch {
        // It has ended meanwhile.
      }
      await pause(50, stop.signal).catch(() => {});
    }
  })();
  return {
    wentDown,
    get seen() {
      return seen;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}
