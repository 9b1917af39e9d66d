/** Processors of one group on a real cluster, killed and slower than the group waits. */
import assert from "node:assert/strict";
import {
  ActiveCluster,
  type FollowedRecord,
  type FollowerEvent,
  FollowingProcessor,
} from "../../dr/follow/mod.ts";
import { MockCluster } from "../../src/kafka/mod.ts";
import { Child } from "../support/child.ts";
import { library, text } from "../support/embedded.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { seededRandom } from "../support/load.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { seed } from "../support/soak.ts";
import { eventually, within } from "../support/wait.ts";

const APPLICATION =
  new URL("../support/billing_application.ts", import.meta.url).pathname;
const ORDERS = "orders";
const SHARED = "shared";
const BILLS = "bills";
const COUNT = 6_000;
const KILLS = 3;
const timeoutMs = 60_000;
const { signal } = new AbortController();
const decoder = new TextDecoder();

realKafkaTest(
  "each order has one bill, however often the application is killed",
  async () => {
    await using world = await BillingWorld.start();
    await world.order(ORDERS, 0, COUNT);
    for (let kills = 0; kills < KILLS; kills++) {
      const before = (await world.bills()).length;
      await using application = world.application();
      await eventually(async () => (await world.bills()).length > before, {
        what: "at work",
        timeoutMs,
      });
      application.signal("SIGKILL");
      await application.exit(10_000);
      const after = (await world.bills()).length;
      assert.ok(after < COUNT, "it was killed too late");
    }
    await using _application = world.application();
    await world.billed(COUNT);
  },
);

realKafkaTest(
  "a batch that takes longer than a rebalance waits is billed by whoever has its orders then, and once",
  async () => {
    await using world = await BillingWorld.start();
    await world.order(SHARED, 0, 10);
    const events: FollowerEvent[] = [];
    const active = await ActiveCluster.open({
      library,
      ...world.clusters,
      onEvent: (event) => events.push(event),
    }, signal);
    await using _active = active;
    const processor = (number: number, topics: readonly string[]) =>
      new FollowingProcessor(active, {
        group: "billing",
        topics,
        transactionalId: `billing-${number}`,
        revokeMs: 100,
      });
    const bill = ({ key, value }: FollowedRecord) => [
      { topic: BILLS, key, value },
    ];

    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    await using slow = processor(1, [SHARED, "others"]);
    const one = slow.run(async (record) => {
      begun.resolve();
      await gate.promise;
      return bill(record);
    }, signal);
    await within(begun.promise, timeoutMs, "begun");
    // The group can share nothing but this topic out.
    await using quick = processor(2, [SHARED]);
    const seen: string[] = [];
    const other = quick.run((record) => {
      seen.push(text(record.value)!);
      return bill(record);
    }, signal);
    await eventually(() => seen.length > 0, { what: "shared", timeoutMs });
    gate.resolve();
    await world.order(SHARED, 10, 10);
    await world.billed(20);
    await eventually(() => events.some(({ kind }) => kind === "refused"), {
      what: "refused",
    });
    await slow[Symbol.asyncDispose]();
    await quick[Symbol.asyncDispose]();
    await Promise.all([one, other]);
  },
);

realKafkaTest(
  "whatever fails of an application, each order has one bill, and those of a partition are in their order",
  async () => {
    await using world = await BillingWorld.start();
    await world.order(SHARED, 0, 1_000);
    await using active = await ActiveCluster.open({
      library,
      ...world.clusters,
    }, signal);
    await using processor = new FollowingProcessor(active, {
      group: "billing",
      topics: [SHARED],
      transactionalId: "billing-1",
      batchRecords: 50,
    });
    const stop = new AbortController();
    const random = seededRandom(seed);
    let failures = 0;
    const running = (async () => {
      while (!stop.signal.aborted) {
        try {
          await processor.run(({ key, value }) => {
            if (random() < 0.005) throw new Error("not now");
            return [{ topic: BILLS, key, value }];
          }, stop.signal);
        } catch (error) {
          if (!String(error).includes("not now")) throw error;
          failures++;
        }
      }
    })();
    await world.billed(1_000);
    assert.deepEqual(
      await world.bills(),
      Array.from({ length: 1_000 }, (_, at) => at),
    );
    assert.ok(failures > 0);
    stop.abort();
    await within(running, timeoutMs, "ended");
  },
);

/** A cluster with orders and bills, and another one that keeps no state. */
class BillingWorld implements AsyncDisposable {
  static async start(): Promise<BillingWorld> {
    await using stack = new AsyncDisposableStack();
    const primary = stack.use(await KafkaCluster.start({ heapMb: 384 }));
    const secondary = stack.use(new MockCluster(library, 1));
    await primary.createTopic(ORDERS, 2);
    for (const topic of [SHARED, "others", BILLS]) {
      await primary.createTopic(topic, 1);
    }
    const client = stack.use(
      await IndependentClient.connect(primary.bootstrapServers),
    );
    return new BillingWorld(
      client,
      [primary.bootstrapServers, secondary.bootstrapServers],
      stack.move(),
    );
  }

  readonly #client: IndependentClient;
  readonly #servers: readonly [primary: string, secondary: string];
  readonly #stack: AsyncDisposableStack;

  private constructor(
    client: IndependentClient,
    servers: readonly [string, string],
    stack: AsyncDisposableStack,
  ) {
    this.#client = client;
    this.#servers = servers;
    this.#stack = stack;
  }

  get clusters() {
    const [primary, secondary] = this.#servers.map((servers) => ({
      kafka: { "bootstrap.servers": servers },
    }));
    return { primary: primary!, secondary: secondary! };
  }

  /** As a process. */
  application(): Child {
    const [primary, secondary] = this.#servers;
    return Child.deno(["run", "-A", "--no-check", APPLICATION], {
      env: { PRIMARY_BROKERS: primary, SECONDARY_BROKERS: secondary },
    });
  }

  /** So many, numbered from there on. */
  async order(topic: string, from: number, count: number): Promise<void> {
    const orders = Array.from({ length: count }, (_, at) => {
      const value = `${from + at}`;
      return { partition: topic === ORDERS ? at % 2 : 0, key: value, value };
    });
    await this.#client.produce(topic, orders);
  }

  async bills(): Promise<number[]> {
    const bills = await this.#client.readTopic(BILLS, {
      isolation: "read_committed",
    });
    return bills.map(({ value }) => Number(decoder.decode(value!)));
  }

  /** So many orders, each once. */
  async billed(count: number): Promise<void> {
    await eventually(async () => (await this.bills()).length >= count, {
      what: "billed",
      timeoutMs,
      everyMs: 500,
    });
    assert.deepEqual(
      (await this.bills()).toSorted((one, other) => one - other),
      Array.from({ length: count }, (_, at) => at),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
