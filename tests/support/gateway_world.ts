/**
 * Two real clusters with a gateway before them, and clients that are moved from
 * one to the other. The secondary has the first records of each topic and the
 * group's translated position, as a mirror would have left them.
 */
import assert from "node:assert/strict";
import { Gateway } from "../../dr/gateway/mod.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { library, produce } from "./embedded.ts";
import type { ClientOptions, FollowedClient } from "./followed_clients.ts";
import { fillBacklog } from "./full_backlog.ts";
import type { KafkaBroker } from "./kafka_broker.ts";
import { KafkaCluster } from "./kafka_cluster.ts";
import { realKafkaTest } from "./require_java.ts";
import { eventually } from "./wait.ts";

const FIRST_RECORDS = 50;
/** Of a consumer: what it jumps to, one after the other. */
const ARRIVALS = new Set([`${FIRST_RECORDS}`, "0", `0,${FIRST_RECORDS}`]);
const REQUEST = { timeoutMs: 60_000 };
/** Clients with their default time-outs need more than a minute. */
const MOVE_TIMEOUT_MS = 150_000;
const secondaryFirstId = 101;

export type Start = (
  options: ClientOptions,
) => FollowedClient | Promise<FollowedClient>;

/** The same client with settings. */
export const withSettings =
  (start: Start, properties: ClientOptions["properties"] = {}): Start =>
  (options) => start({ ...options, properties });

/** What happens to the primary's broker; returns what undoes it. */
export type Fault = (broker: KafkaBroker) => Promise<() => Promise<void>>;

export const killed: Fault = async (broker) => {
  await broker.kill();
  return () => broker.restart();
};

export const stopped: Fault = async (broker) => {
  await broker.stop();
  return () => broker.restart();
};

/** Connections stay, and new ones are made, but nothing is answered. */
export const frozen: Fault = (broker) => {
  broker.pause();
  return Promise.resolve(() => Promise.resolve(broker.resume()));
};

/** No connection is made either, as behind a cable that is cut. */
export const cutOff: Fault = async (broker) => {
  broker.pause();
  const filling = await fillBacklog(broker.port);
  return () => {
    filling[Symbol.dispose]();
    return Promise.resolve(broker.resume());
  };
};

export class GatewayWorld implements AsyncDisposable {
  /** @param topics each for one step; their leader epochs are made to differ. */
  static async start(topics: readonly string[]): Promise<GatewayWorld> {
    await using stack = new AsyncDisposableStack();
    const [primary, secondary] = await Promise.all(
      [1, secondaryFirstId].map(async (nodeIdBase) =>
        stack.use(await KafkaCluster.start({ heapMb: 256, nodeIdBase }))
      ),
    ) as [KafkaCluster, KafkaCluster];
    const admins = {
      primary: stack.use(adminOf(primary)),
      secondary: stack.use(adminOf(secondary)),
    };
    const gateway = stack.use(
      await Gateway.open({
        addresses: [{
          listen: "127.0.0.1:0",
          primary: [primary.bootstrapServers],
          secondary: [secondary.bootstrapServers],
        }],
        log: createLog({ level: "error", write: () => {} }),
      }),
    );
    const world = new GatewayWorld(primary, secondary, admins, gateway);
    for (const topic of topics) {
      await primary.createTopic(topic, 1);
      await secondary.createTopic(topic, 1);
    }
    // A client that came to lower epochs and minded them would show.
    await world.broker.restart();
    for (const topic of topics) await world.#prepare(topic);
    world.#owned = stack.move();
    return world;
  }

  #owned = new AsyncDisposableStack();

  private constructor(
    readonly primary: KafkaCluster,
    readonly secondary: KafkaCluster,
    readonly admins: { readonly primary: Admin; readonly secondary: Admin },
    readonly gateway: Gateway,
  ) {}

  /** What clients have as their `bootstrap.servers`. */
  get address(): string {
    return this.gateway.status().addresses[0]!.listen;
  }

  /** The primary's. */
  get broker(): KafkaBroker {
    return this.primary.brokers[0]!;
  }

  /** The high watermark, and the epoch of the newest record. */
  readonly endOf = (side: "primary" | "secondary", topic: string) =>
    eventually(async () => {
      const [answer] = await this.admins[side].partitions.offsets(
        [{ topic, partition: 0, at: "latest" }],
        REQUEST,
      );
      if (answer!.error !== null) throw answer!.error;
      return answer!;
    }, { what: `told the end of ${topic} of the ${side}` });

  /** Starts clients of the active cluster and waits until all are at work. */
  async begin(
    topic: string,
    starts: readonly Start[],
  ): Promise<
    AsyncDisposable & { readonly clients: readonly FollowedClient[] }
  > {
    await using stack = new AsyncDisposableStack();
    const clients: FollowedClient[] = [];
    for (const start of starts) {
      const options = {
        bootstrapServers: this.address,
        topic,
        group: groupOf(topic),
      };
      clients.push(stack.use(await start(options)));
    }
    await Promise.all(clients.map((each) => goesOn(each, each.done().length)));
    const started = stack.move();
    return {
      clients,
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  }

  /**
   * Clients begin on the primary and must go on on the secondary, all records of
   * which their consumer gets once from its position on. Prints how long that
   * took.
   */
  async moves(
    topic: string,
    starts: readonly Start[],
    fault: Fault,
  ): Promise<void> {
    this.gateway.setActive("primary");
    await using begun = await this.begin(topic, starts);
    await this.follow(topic, begun.clients, fault);
  }

  /** The second half of `moves`. Heals the primary in the end. */
  async follow(
    topic: string,
    clients: readonly FollowedClient[],
    fault: Fault,
  ): Promise<void> {
    const faultMs = Date.now();
    const heal = await fault(this.broker);
    try {
      await this.#arrive(topic, clients, faultMs);
    } finally {
      await heal();
    }
  }

  async #arrive(
    topic: string,
    clients: readonly FollowedClient[],
    faultMs: number,
  ): Promise<void> {
    this.gateway.setActive(null);
    this.gateway.setActive("secondary");
    const decidedMs = Date.now();
    await Promise.all(clients.map(async (each) => {
      const isConsumer = each.name.endsWith("consumer");
      // What a hanging broker had sent before may come a little later.
      const since = isConsumer
        ? await jumped(each)
        : firstAfter(each, decidedMs);
      await goesOn(each, since, MOVE_TIMEOUT_MS);
      assert.deepEqual(each.failures(), [], each.name);
      if (isConsumer) {
        // Until it has joined its group there it may read on by the offset that
        // it had, which is beyond the end: so from the beginning.
        const jumps = jumpsOf(each);
        assert.ok(
          ARRIVALS.has(jumps.join()),
          `${each.name}: ${jumps}`,
        );
      }
      console.log(
        `  ${topic}: ${
          decidedMs - faultMs
        } ms after the fault the switch, the ` +
          `${each.name} silent for ${silenceMs(each, faultMs)} ms`,
      );
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  async #prepare(topic: string): Promise<void> {
    const records = Array.from({ length: FIRST_RECORDS }, (_, index) => ({
      topic,
      value: `first ${index}`,
    }));
    await produce(this.primary.bootstrapServers, records);
    await produce(this.secondary.bootstrapServers, records);
    const [answer] = await this.admins.secondary.groups.alterOffsets(
      groupOf(topic),
      [{ topic, partition: 0, offset: FIRST_RECORDS }],
      REQUEST,
    );
    assert.equal(answer!.error, null);
  }
}

/** One test with a step for each entry, which has a topic of its own. */
export function gatewaySteps(
  name: string,
  steps: Readonly<
    Record<string, (world: GatewayWorld, topic: string) => Promise<void>>
  >,
): void {
  realKafkaTest(name, async (context) => {
    const entries = Object.entries(steps);
    const topics = entries.map((_, index) => `followed-${index + 1}`);
    await using world = await GatewayWorld.start(topics);
    for (const [index, [name, step]] of entries.entries()) {
      const passed = await context.step(
        name,
        () => step(world, topics[index]!),
      );
      if (passed) continue;
      world.primary.keepLogs();
      world.secondary.keepLogs();
    }
  });
}

/** Resolves when so many more have been done. */
export async function goesOn(
  client: FollowedClient,
  since: number,
  timeoutMs = 60_000,
): Promise<void> {
  await eventually(() => client.done().length >= since + 20, {
    what: `going on: the ${client.name} (${client.failures().slice(0, 3)})`,
    timeoutMs,
  });
}

/** Resolves with what a consumer has done when it has got to other offsets. */
async function jumped(client: FollowedClient): Promise<number> {
  await eventually(() => jumpsOf(client).length > 0, {
    what: `on the secondary: the ${client.name}`,
    timeoutMs: MOVE_TIMEOUT_MS,
  });
  return client.done().length;
}

const groupOf = (topic: string) => `${topic}-group`;

const adminOf = ({ bootstrapServers }: KafkaCluster) =>
  new Admin(library, { "bootstrap.servers": bootstrapServers });

/** Which of the things that a client has done is the first after that time. */
function firstAfter(client: FollowedClient, atMs: number): number {
  const at = client.done().findIndex((each) => each.atMs > atMs);
  return at < 0 ? client.done().length : at;
}

/** The offsets that are not those before them, and one. */
function jumpsOf(client: FollowedClient): number[] {
  const offsets = client.done().map(({ offset }) => offset);
  return offsets.filter((offset, at) =>
    at > 0 && offset !== offsets[at - 1]! + 1
  );
}

/** The longest time between two things done, of which the later came after. */
function silenceMs(client: FollowedClient, sinceMs: number): number {
  const times = client.done().map(({ atMs }) => atMs);
  return times.reduce(
    (longest, atMs, at) =>
      at > 0 && atMs > sinceMs
        ? Math.max(longest, atMs - times[at - 1]!)
        : longest,
    0,
  );
}
