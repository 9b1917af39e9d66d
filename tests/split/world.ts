/**
 * Two real clusters, and all roles at work on them as processes. Each role can
 * have a way of its own to a cluster, which a test cuts.
 */
import assert from "node:assert/strict";
import type { Refusal } from "../../dr/sentinel/mod.ts";
import type { ClusterName } from "../../dr/state/mod.ts";
import type { StatusReport } from "../../src/commands/status_text.ts";
import type { Child } from "../support/child.ts";
import { freePorts } from "../support/free_port.ts";
import type { IndependentClient } from "../support/independent_client.ts";
import { Job, jsonOf, topicsOf } from "../support/job.ts";
import { Link } from "../support/link.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import type { MirrorRun } from "../support/mirror_run.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { printedStatus, SentinelRun } from "../support/sentinel_run.ts";
import { Stray } from "../support/stray.ts";
import { eventually } from "../support/wait.ts";

export const name = "split";
export const topics = topicsOf(name);
export const mirrored = [topics.input, topics.output, topics.deadLetter];
export const deadlineMs = 90_000;
const partitions = 2;
const recordsPerSecond = 200;

/** Short, so that a failover need not wait for half a minute. */
export const STRICT = {
  STRICT_LEASES: "true",
  LEASE_MS: "5000",
  TRANSACTION_TIMEOUT_MS: "5000",
};

/** Roles with ways of their own; others have the open listeners. */
export type Ways = Readonly<Record<ClusterName, readonly string[]>>;
type Env = Readonly<Record<string, string>>;

export class SplitWorld implements AsyncDisposable {
  static async start(ways: Ways): Promise<SplitWorld> {
    await using stack = new AsyncDisposableStack();
    const pair = stack.use(
      await MirrorPair.start({
        heapMb: 256,
        sourceWays: ways.primary,
        targetWays: ways.secondary,
      }),
    );
    const links = {
      primary: ways.primary.map((way) =>
        [way, stack.use(new Link(pair.source.cluster, way))] as const
      ),
      secondary: ways.secondary.map((way) =>
        [way, stack.use(new Link(pair.target.cluster, way))] as const
      ),
    };
    for (const topic of mirrored) await pair.create(topic, partitions);
    return new SplitWorld(pair, {
      primary: new Map(links.primary),
      secondary: new Map(links.secondary),
    }, stack.move());
  }

  readonly pair: MirrorPair;
  readonly clients: Readonly<Record<ClusterName, IndependentClient>>;
  readonly #links: Readonly<Record<ClusterName, ReadonlyMap<string, Link>>>;
  readonly #stack: AsyncDisposableStack;
  readonly #children: Child[] = [];

  private constructor(
    pair: MirrorPair,
    links: Readonly<Record<ClusterName, ReadonlyMap<string, Link>>>,
    stack: AsyncDisposableStack,
  ) {
    this.pair = pair;
    this.clients = {
      primary: pair.source.client,
      secondary: pair.target.client,
    };
    this.#links = links;
    this.#stack = stack;
  }

  link(cluster: ClusterName, way: string): Link {
    const link = this.#links[cluster].get(way);
    assert.ok(link !== undefined, `no ${way} to the ${cluster}`);
    return link;
  }

  /** By the ways of this role. */
  brokers(way: string) {
    const { source, target } = this.pair;
    return {
      PRIMARY_BROKERS: this.#links.primary.get(way)?.servers ??
        source.cluster.bootstrapServers,
      SECONDARY_BROKERS: this.#links.secondary.get(way)?.servers ??
        target.cluster.bootstrapServers,
    };
  }

  sentinel(way: string, env: Env = {}): SentinelRun {
    const run = this.#stack.use(
      SentinelRun.start({
        ...this.brokers(way),
        INSTANCE_ID: way,
        GATEWAY_LISTEN: `127.0.0.1:${freePorts(1)[0]}`,
        SENTINEL_TOPICS: topics.input,
        STATE_REPLICATION_FACTOR: "1",
        ...env,
      }),
    );
    this.#children.push(run.child);
    return run;
  }

  mirror(way = "MIRROR"): MirrorRun {
    return this.#stack.use(
      this.pair.mirror(mirrored, {
        ...this.brokers(way),
        MIRROR_GROUP_SYNC: "true",
        MIRROR_CUT_INTERVAL_MS: "500",
        TRANSACTION_TIMEOUT_MS: "10000",
      }),
    );
  }

  pool(way = "POOL", env: Env = {}): Job {
    const { PRIMARY_BROKERS: brokers, SECONDARY_BROKERS } = this.brokers(way);
    const job = this.#stack.use(
      Job.start({
        brokers,
        name,
        env: {
          SECONDARY_BROKERS,
          GUARANTEE: "exactly-once",
          INSTANCE_ID: way.toLowerCase(),
          WORKERS: "1",
          ...env,
        },
      }),
    );
    this.#children.push(job.child);
    return job;
  }

  /** Everything at work, and the sentinel content. */
  async atWork(env: Env = {}) {
    const mirror = this.mirror();
    const pool = this.pool("POOL", env);
    await mirror.running();
    await pool.logged("started");
    const stray = this.stray();
    await this.goesOn("secondary", topics.input, 200);
    // Not before: starting all at once looks like an outage on a busy machine.
    const sentinel = this.sentinel("SENTINEL", env);
    await content([sentinel]);
    await this.goesOn("secondary", topics.output, 200);
    return { sentinel, mirror, pool, stray };
  }

  /** Writes to that cluster by the open listener, whatever is cut. */
  stray(cluster: ClusterName = "primary"): Stray {
    const { source, target } = this.pair;
    const side = cluster === "primary" ? source : target;
    return this.#stack.use(
      new Stray(side.cluster.bootstrapServers, name, recordsPerSecond),
    );
  }

  /** By the open listeners. */
  async printed(): Promise<StatusReport> {
    return (await printedStatus(this.brokers("")))!.report;
  }

  /** Committed records of a topic. */
  async count(cluster: ClusterName, topic: string): Promise<number> {
    return await this.clients[cluster].visitTopic(topic, () => {}, {
      isolation: "read_committed",
    });
  }

  /** Waits until so many more are committed. */
  async goesOn(
    cluster: ClusterName,
    topic: string,
    records = 1_000,
  ): Promise<void> {
    const before = await this.count(cluster, topic);
    await eventually(
      async () => await this.count(cluster, topic) >= before + records,
      {
        what: `${records} more in ${topic} on the ${cluster}`,
        timeoutMs: deadlineMs,
        everyMs: 200,
      },
    );
  }

  /**
   * Each of these inputs gets exactly one output, and no other has one.
   * @param others that may have one, too, as well as none
   */
  async eachOnce(
    cluster: ClusterName,
    ids: Iterable<number>,
    others: ReadonlySet<number> = new Set(),
  ): Promise<number> {
    const wanted = new Set(ids);
    const found = await eventually(async () => {
      const times = await this.outputs(cluster);
      return wanted.difference(times).size === 0 ? times : null;
    }, { what: "all processed", timeoutMs: deadlineMs, everyMs: 200 });
    const repeated = [...found].filter(([, times]) => times > 1);
    assert.deepEqual(repeated, []);
    const strange = [...found.keys()]
      .filter((id) => !wanted.has(id) && !others.has(id));
    assert.deepEqual(strange, []);
    return found.size;
  }

  /** How often each input (`event_id`) has a committed output. */
  async outputs(cluster: ClusterName): Promise<Map<number, number>> {
    const times = new Map<number, number>();
    await this.clients[cluster].visitTopic(topics.output, (records) => {
      for (const record of records) {
        const { event_id } = jsonOf<{ event_id: number }>(record);
        times.set(event_id, (times.get(event_id) ?? 0) + 1);
      }
    }, { isolation: "read_committed" });
    return times;
  }

  /** Numbers of the inputs there; each must be there once. */
  async inputs(cluster: ClusterName): Promise<Set<number>> {
    const records = await this.clients[cluster].readTopic(topics.input, {
      isolation: "read_committed",
    });
    const ids = records.map((each) =>
      jsonOf<{ event_id: number }>(each).event_id
    );
    const found = new Set(ids);
    assert.equal(found.size, ids.length, `repeated inputs on ${cluster}`);
    return found;
  }

  tellFailure(): void {
    for (const child of this.#children) {
      const lines = child.lines("stderr").slice(-40).join("\n");
      console.log(`${child.pid}:\n${lines}`);
    }
    this.pair.tellFailure();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A test with a world of its own. */
export function splitTest(
  name: string,
  ways: Ways,
  test: (world: SplitWorld) => Promise<void>,
): void {
  realKafkaTest(name, async () => {
    await using world = await SplitWorld.start(ways);
    try {
      await test(world);
    } catch (error) {
      world.tellFailure();
      throw error;
    }
  });
}

/** Sentinels that are content with both clusters, and have heard of the pool. */
export async function content(
  sentinels: readonly SentinelRun[],
): Promise<void> {
  await Promise.all(sentinels.map((each) =>
    each.until(
      "content with both clusters",
      ({ decision, health, isVoting, lagMs, votes }) =>
        isVoting && decision?.kind === "stay" && lagMs !== null &&
        votes.filter(({ kind }) => kind === "sentinel").length ===
          sentinels.length &&
        votes.some(({ isProgressing, kind }) =>
          kind === "pool" && isProgressing
        ) &&
        health?.primary.health === "healthy" &&
        health.secondary.health === "healthy",
    )
  ));
}

/** Nobody has begun a switch so far. */
export async function neverSwitched(world: SplitWorld): Promise<StatusReport> {
  const report = await world.printed();
  const { history } = report;
  assert.ok(!("error" in history), JSON.stringify(history));
  assert.deepEqual(
    history.map(({ active, epoch, era, phase }) =>
      `${epoch} ${active} ${phase} ${era}`
    ),
    ["1 primary steady 0"],
  );
  return report;
}

/**
 * Ends the load on a primary that was never left: each of its inputs has exactly
 * one output, on both clusters. @returns how many.
 */
export async function stayedWhole(
  world: SplitWorld,
  stray: Stray,
): Promise<number> {
  await stray.stop();
  const ids = [...stray.acknowledged.keys()];
  const once = await world.eachOnce("primary", ids);
  await world.eachOnce("secondary", ids);
  await neverSwitched(world);
  return once;
}

/** Waits until a sentinel refuses for this. @returns what it says. */
export async function refusing(
  sentinel: SentinelRun,
  because: Refusal,
  saying = /^/,
): Promise<string> {
  let reason = "";
  await sentinel.until(`refusing: ${because} ${saying}`, ({ decision }) => {
    if (decision?.kind !== "refuse" || decision.because !== because) {
      return false;
    }
    reason = decision.reason;
    return saying.test(reason);
  });
  return reason;
}
