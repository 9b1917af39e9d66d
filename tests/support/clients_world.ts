/**
 * Two real clusters, the secondary smaller, and all that a failover consists of:
 * mirror and sentinel are processes with their default settings. Unmodified
 * clients have the sentinel's gateway as `bootstrap.servers`.
 */
import assert from "node:assert/strict";
import { type DrState, HISTORY_TOPIC } from "../../dr/state/mod.ts";
import { statesUpTo } from "./dr_state.ts";
import { Sender } from "./embedded.ts";
import {
  type ClientOptions,
  type FollowedClient,
  javaConsumer,
  javaProducer,
  rdkafkaConsumer,
  rdkafkaProducer,
} from "./followed_clients.ts";
import { freePorts } from "./free_port.ts";
import { fillBacklog } from "./full_backlog.ts";
import { IndependentClient } from "./independent_client.ts";
import { KafkaCluster } from "./kafka_cluster.ts";
import { MirrorRun } from "./mirror_run.ts";
import { SentinelRun } from "./sentinel_run.ts";
import { eventually } from "./wait.ts";

const secondaryFirstId = 101;
const heapMb = 256;
const readyMs = 90_000;
const switchMs = 120_000;

/** What happens to all brokers of the primary; returns what undoes it. */
export type ClusterFault = (primary: KafkaCluster) => Promise<AsyncDisposable>;

const nothing: AsyncDisposable = {
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** SIGKILL. */
export const killedAll: ClusterFault = async ({ brokers }) => {
  await Promise.all(brokers.map((each) => each.kill()));
  return nothing;
};

/** Connections stay, and new ones are made, but nothing is answered. */
export const frozenAll: ClusterFault = ({ brokers }) => {
  for (const each of brokers) each.pause();
  return Promise.resolve(nothing);
};

/** No connection is made either, as behind a cable that is cut. */
export const cutOffAll: ClusterFault = async ({ brokers }) => {
  const filled = new AsyncDisposableStack();
  for (const each of brokers) {
    each.pause();
    filled.use(await fillBacklog(each.port));
  }
  return filled;
};

export interface ClientsRun {
  readonly name: string;
  readonly group: string;
  readonly client: FollowedClient;
}

/** When what happened, in ms since the epoch. */
export interface Switched {
  readonly faultMs: number;
  /** The sentinel had decided and wrote the first state of the failover. */
  readonly decidedMs: number;
  readonly promotedMs: number;
}

type Properties = ClientOptions["properties"];

export class ClientsWorld implements AsyncDisposable {
  /** Ready for clients: the gateway leads to the primary. */
  static async start(topic: string): Promise<ClientsWorld> {
    await using stack = new AsyncDisposableStack();
    const [primary, secondary] = await Promise.all([
      KafkaCluster.start({ brokers: 2, heapMb }),
      KafkaCluster.start({ heapMb, nodeIdBase: secondaryFirstId }),
    ].map(async (each) => stack.use(await each))) as [
      KafkaCluster,
      KafkaCluster,
    ];
    await primary.createTopic(topic, 2);
    await age(primary, topic);
    const servers = {
      PRIMARY_BROKERS: primary.bootstrapServers,
      SECONDARY_BROKERS: secondary.bootstrapServers,
    };
    const [one, other] = freePorts(2).map((port) => `127.0.0.1:${port}`);
    const mirror = stack.use(MirrorRun.start({
      ...servers,
      MIRROR_TOPICS: topic,
      MIRROR_LANES: "2",
      MIRROR_REFRESH_MS: "500",
    }));
    await mirror.running();
    // Not before: starting all at once looks like an outage on a busy machine.
    const sentinel = stack.use(SentinelRun.start({
      ...servers,
      SENTINEL_TOPICS: topic,
      // The other one as for a second listener of the same brokers.
      GATEWAY_LISTEN: `${one};${other}=${primary.bootstrapServers}/` +
        secondary.bootstrapServers,
    }));
    const reader = stack.use(
      await IndependentClient.connect(secondary.bootstrapServers),
    );
    const world = new ClientsWorld(
      topic,
      { primary, secondary },
      {
        mirror,
        sentinel,
      },
      [one!, other!],
      reader,
    );
    await sentinel.until(
      "content with both clusters",
      ({ decision, gateway, isVoting }) =>
        isVoting && decision?.kind === "stay" && gateway?.active === "primary",
    );
    world.#owned = stack.move();
    return world;
  }

  readonly clients: FollowedClient[] = [];
  #owned = new AsyncDisposableStack();

  private constructor(
    readonly topic: string,
    readonly clusters: {
      readonly primary: KafkaCluster;
      readonly secondary: KafkaCluster;
    },
    readonly roles: {
      readonly mirror: MirrorRun;
      readonly sentinel: SentinelRun;
    },
    /** Of the gateway. */
    readonly addresses: readonly [string, string],
    /** Of the secondary. */
    readonly reader: IndependentClient,
  ) {}

  /** Two producers and two consumers, each of a group of its own. */
  async begin(
    settings: { readonly rdkafka?: Properties; readonly java?: Properties } =
      {},
  ): Promise<void> {
    const { rdkafka = {}, java = {} } = settings;
    const starts = [
      [rdkafkaProducer, rdkafka],
      [javaProducer, java],
      [rdkafkaConsumer, rdkafka],
      [javaConsumer, java],
    ] as const;
    const started = await Promise.all(
      starts.map(async ([start, properties], index) =>
        this.#owned.use(
          await start({
            bootstrapServers: this.addresses[index % 2]!,
            topic: this.topic,
            group: groupAt(index),
            properties,
          }),
        )
      ),
    );
    this.clients.push(...started);
    await Promise.all(started.map((each) => goneOn(each, 50, 0)));
  }

  /**
   * Resolves when positions of both groups have been released for all
   * partitions; with them, by the place of the client.
   */
  async released(): Promise<ReadonlyMap<number, readonly number[]>> {
    return await eventually(async () => {
      const released = new Map<number, number[]>();
      for (const index of [2, 3]) {
        const found = await this.reader.committedOffsets(
          groupAt(index),
          this.topic,
        );
        released.set(index, found.map((each) => each?.offset ?? 0));
      }
      const all = [...released.values()];
      return all.every((each) =>
          each.length === 2 && each.every((at) => at > 0)
        )
        ? released
        : null;
    }, { what: "released on the secondary", timeoutMs: readyMs, everyMs: 250 });
  }

  /** Resolves when the sentinel has moved everybody. */
  async switches(faultMs: number): Promise<Switched> {
    const { sentinel } = this.roles;
    let state: DrState | null = null;
    await eventually(async () => {
      const status = await sentinel.status();
      state = status.state;
      return state?.active === "secondary" && state.phase === "steady" &&
        status.gateway?.active === "secondary";
    }, { what: "promoted", timeoutMs: switchMs, everyMs: 100 });
    const states = await statesUpTo(
      this.clusters.secondary.bootstrapServers,
      HISTORY_TOPIC,
      state!.epoch,
    );
    const [fenced, promoted] = states.slice(-2);
    assert.deepEqual(
      [fenced, promoted].map((each) => `${each!.active} ${each!.phase}`),
      ["primary fencing", "secondary steady"],
    );
    const decidedMs = fenced!.sinceMs;
    assert.ok(decidedMs >= faultMs, "switched before the fault");
    return {
      faultMs,
      decidedMs,
      promotedMs: promoted!.sinceMs,
    };
  }

  tellFailure(): void {
    const { mirror, sentinel } = this.roles;
    for (const { child } of [mirror, sentinel]) {
      console.log(child.lines("stderr").slice(-40).join("\n"));
    }
    this.clusters.primary.keepLogs();
    this.clusters.secondary.keepLogs();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

/**
 * Makes it one that has been in use before the secondary was there. All leaders
 * are elected anew, which raises their epochs. A broker that has given out one
 * producer id gets another thousand of them when it starts again, so that ids of
 * its clients are not those of the mirror on the secondary, by which brokers
 * would refuse what these clients send there.
 */
async function age(cluster: KafkaCluster, topic: string): Promise<void> {
  for (const { nodeId, port } of cluster.brokers) {
    await using sender = new Sender(`127.0.0.1:${port}`, {
      "enable.idempotence": true,
    });
    const [report] = await sender.send([{ topic, value: `first ${nodeId}` }]);
    assert.equal(report!.code, 0);
  }
  await killedAll(cluster);
  await Promise.all(cluster.brokers.map((each) => each.restart()));
}

/** Resolves when so much has been done after that time. */
export async function goneOn(
  client: FollowedClient,
  count: number,
  sinceMs: number,
  timeoutMs = readyMs,
): Promise<void> {
  await eventually(() => {
    const done = client.done().filter(({ atMs }) => atMs > sinceMs).length;
    if (done >= count) return true;
    throw new Error(`${done} done; ${client.failures().slice(0, 3)}`);
  }, { what: `going on: the ${client.name}`, timeoutMs, everyMs: 100 });
}

const groupAt = (index: number) => `group-${index}`;
