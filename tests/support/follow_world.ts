/** Two embedded clusters with a state, and an application that follows it. */
import {
  ActiveCluster,
  type ActiveClusterOptions,
  type ClusterName,
  type FollowerEvent,
  FollowingConsumer,
  type FollowingConsumerOptions,
  FollowingProcessor,
  type FollowingProcessorOptions,
  FollowingProducer,
  type FollowingProducerOptions,
} from "../../dr/follow/mod.ts";
import {
  type DrState,
  HISTORY_TOPIC,
  type Phase,
  STATE_TOPIC,
  StateStore,
} from "../../dr/state/mod.ts";
import { Consumer, MockCluster } from "../../src/kafka/mod.ts";
import { stateClusters, TIMINGS } from "./dr_state.ts";
import {
  FAST_FETCH,
  library,
  Member,
  QUICK_REBALANCE,
  text,
} from "./embedded.ts";
import { eventually, within } from "./wait.ts";

export const ORDERS = "orders";
export const GROUP = "application";

/** A broker that answers no sooner than this is as good as one that hangs. */
const HANGING_MS = 3_600_000;
const BROKER = 1;

export class FollowWorld implements AsyncDisposable {
  readonly primary: MockCluster;
  readonly secondary: MockCluster;
  readonly #stack: AsyncDisposableStack;
  readonly #signal = new AbortController().signal;
  #store: StateStore | null = null;

  /** @param partitions of the topic of orders, which both clusters have. */
  constructor(partitions = 1) {
    this.#stack = new AsyncDisposableStack();
    this.primary = this.#stack.use(new MockCluster(library, 1));
    this.secondary = this.#stack.use(new MockCluster(library, 1));
    for (const cluster of [this.primary, this.secondary]) {
      cluster.createTopic(ORDERS, partitions);
    }
  }

  /** From now on there is a state; it says that the primary is in use. */
  async keepState(): Promise<void> {
    for (const cluster of [this.primary, this.secondary]) {
      cluster.createTopic(STATE_TOPIC, 1);
    }
    this.secondary.createTopic(HISTORY_TOPIC, 1);
    const clusters = stateClusters(this.#stack, {
      primary: this.primary.bootstrapServers,
      secondary: this.secondary.bootstrapServers,
    });
    const timings = { ...TIMINGS, forcedReadMs: 200, copyMs: 200 };
    this.#store = this.#stack.use(new StateStore({ ...clusters, timings }));
    await this.change("primary", "steady");
  }

  /** Changes the state, as a sentinel does; returns it. */
  async change(active: ClusterName, phase: Phase = "steady"): Promise<DrState> {
    const { state } = await this.#store!.change((newest) => ({
      active,
      phase,
      era: (newest?.era ?? 0) +
        (newest !== null && newest.active !== active ? 1 : 0),
      lanes: null,
      reason: "test",
    }), { force: true, signal: this.#signal });
    return state!;
  }

  /** It takes connections and answers nothing. */
  hang(cluster: MockCluster): void {
    cluster.setRoundTripTime(BROKER, HANGING_MS);
  }

  /** It refuses connections. */
  kill(cluster: MockCluster): void {
    cluster.setBrokerDown(BROKER);
  }

  /** As it was before `hang` or `kill`. */
  heal(cluster: MockCluster): void {
    cluster.setRoundTripTime(BROKER, 0);
    cluster.setBrokerUp(BROKER);
  }

  healAll(): void {
    for (const cluster of [this.primary, this.secondary]) this.heal(cluster);
  }

  /** The values of the orders on a cluster, in the order of each partition. */
  async ordersOn(cluster: MockCluster, count: number): Promise<string[]> {
    await using reader = new Member(cluster.bootstrapServers, {
      "group.id": `reader-${crypto.randomUUID()}`,
    });
    reader.consumer.subscribe([ORDERS]);
    await reader.until(() => reader.received.length >= count, "read");
    return reader.received.map(({ value }) => text(value)!);
  }

  /** Where the group stands on a cluster; null: nowhere. */
  async committedOn(
    cluster: MockCluster,
    group = GROUP,
    partition = 0,
  ): Promise<number | null> {
    await using asking = this.#asking(cluster, group);
    const [answer] = await asking.committed(
      [{ topic: ORDERS, partition }],
      30_000,
    );
    return answer!.offset;
  }

  /** As the mirror does. */
  async release(cluster: MockCluster, offset: number): Promise<void> {
    await using releasing = this.#asking(cluster, GROUP);
    await eventually(
      () => releasing.commit([{ topic: ORDERS, partition: 0, offset }]),
      { what: "committed" },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.healAll();
    await this.#stack.disposeAsync();
  }

  #asking({ bootstrapServers }: MockCluster, group: string): Consumer {
    return new Consumer(library, {
      "bootstrap.servers": bootstrapServers,
      "group.id": group,
    });
  }
}

/** One application: its clients end with it, the last one first. */
export class Application implements AsyncDisposable {
  readonly active: ActiveCluster;
  readonly events: FollowerEvent[];
  readonly #stack = new AsyncDisposableStack();

  private constructor(
    readonly world: FollowWorld,
    active: ActiveCluster,
    events: FollowerEvent[],
  ) {
    this.active = this.#stack.use(active);
    this.events = events;
  }

  static async start(
    world: FollowWorld,
    options: Partial<ActiveClusterOptions> = {},
  ): Promise<Application> {
    const events: FollowerEvent[] = [];
    const propertiesOf = ({ bootstrapServers }: MockCluster) => ({
      kafka: { "bootstrap.servers": bootstrapServers },
      consumer: { ...FAST_FETCH, ...QUICK_REBALANCE },
    });
    const active = await ActiveCluster.open({
      library,
      primary: propertiesOf(world.primary),
      secondary: propertiesOf(world.secondary),
      onEvent: (event) => events.push(event),
      ...options,
    }, new AbortController().signal);
    return new Application(world, active, events);
  }

  producer(
    options: Partial<FollowingProducerOptions> = {},
  ): FollowingProducer {
    return this.#stack.use(
      new FollowingProducer(this.active, { onSwitch: "resend", ...options }),
    );
  }

  consumer(
    options: Partial<FollowingConsumerOptions> = {},
  ): FollowingConsumer {
    return this.#stack.use(
      new FollowingConsumer(this.active, {
        group: GROUP,
        topics: [ORDERS],
        ...options,
      }),
    );
  }

  processor(
    options: Partial<FollowingProcessorOptions> = {},
  ): FollowingProcessor {
    return this.#stack.use(
      new FollowingProcessor(this.active, {
        group: GROUP,
        topics: [ORDERS],
        transactionalId: "application-1",
        ...options,
      }),
    );
  }

  of<Kind extends FollowerEvent["kind"]>(kind: Kind) {
    type Wanted = Extract<FollowerEvent, { readonly kind: Kind }>;
    return this.events.filter((event) => event.kind === kind) as Wanted[];
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await eventually(condition, { what, everyMs: 5 });
  }

  /** Until it works on `cluster`; null: nowhere. */
  async on(cluster: ClusterName | null): Promise<void> {
    await this.until(
      () => (this.active.stay?.cluster ?? null) === cluster,
      `on ${cluster}`,
    );
  }

  /** As an application ends; what goes on after it does so in the background. */
  async end(): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Heals the clusters, so that nothing goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    this.world.healAll();
    await within(this.active.idle(), 120_000, "idle");
  }
}
