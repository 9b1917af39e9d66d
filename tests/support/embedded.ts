/**
 * What tests of the binding share: the native library, embedded clusters, and a
 * producer and a group member that are driven by hand. `bootstrapServers` may
 * also be those of a real cluster.
 */
import { ensureNative } from "../../src/kafka/native/locate.ts";
import {
  Admin,
  type Batch,
  type ClientEvent,
  Consumer,
  type ConsumerProperties,
  Inbox,
  type KafkaError,
  type Library,
  MockCluster,
  newRing,
  openLibrary,
  Outbox,
  type OutputRecord,
  type PartitionOffset,
  Producer,
  type ProducerProperties,
  type ReadHeader,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { eventually } from "./wait.ts";

export const library: Library = openLibrary((await ensureNative()).path);

// Libraries that are opened inside a test count as leaked by it, and these two
// open more of their functions when they are first used.
await new MockCluster(library, 1)[Symbol.asyncDispose]();
await new Admin(library, {})[Symbol.asyncDispose]();

/** Fetches without librdkafka's habit of waiting up to a second. */
export const FAST_FETCH = {
  "fetch.wait.max.ms": 20,
  "fetch.queue.backoff.ms": 2,
} as const;

/**
 * For groups on the embedded cluster that rebalance: it gives members one second
 * less than the session timeout to join again, and always lets it pass.
 */
export const QUICK_REBALANCE = {
  "session.timeout.ms": 6000,
  "heartbeat.interval.ms": 50,
} as const;

type EventOf<Kind> = Extract<ClientEvent, { kind: Kind }>;

/** The client's next event of this kind; others before it are skipped. */
export async function nextEvent<Kind extends ClientEvent["kind"]>(
  client: { poll(timeoutMs: number): Promise<ClientEvent | null> },
  kind: Kind,
): Promise<EventOf<Kind>> {
  return await eventually(async () => {
    const event = await client.poll(1_000);
    return event?.kind === kind ? event as EventOf<Kind> : null;
  }, { what: `told of ${kind}`, everyMs: 0 });
}

/** How one record fared: 0, or an error code. */
export interface Report {
  readonly owner: number;
  readonly index: number;
  readonly code: number;
}

/** A producer and its outbox, on one thread. */
export class Sender implements AsyncDisposable {
  readonly producer: Producer;
  readonly outbox: Outbox;
  readonly reports: Report[] = [];
  readonly events: ClientEvent[] = [];
  /** Told where each record that was acknowledged has come to lie. */
  onOffset: (index: number, offset: number) => void = () => {};

  constructor(bootstrapServers: string, properties: ProducerProperties = {}) {
    this.producer = new Producer(library, {
      "bootstrap.servers": bootstrapServers,
      "linger.ms": 1,
      ...properties,
    });
    this.outbox = new Outbox(
      library,
      this.producer.port,
      (owner, index, code, _, offset) => {
        this.reports.push({ owner, index, code });
        if (code === 0) this.onOffset(index, offset);
      },
    );
  }

  /** Sends in order and waits for all reports; returns those of this call. */
  async send(records: readonly OutputRecord[]): Promise<Report[]> {
    const before = this.reports.length;
    records.forEach((record, index) => this.outbox.add(1, index, record));
    this.outbox.send();
    await this.reported();
    return this.reports.slice(before);
  }

  /** Waits until every record that was sent has its report. */
  async reported(): Promise<void> {
    const poll = async () => {
      this.events.push(...await this.outbox.waitAndCollect(100));
      return this.outbox.pendingRecords === 0;
    };
    await eventually(
      () => this.outbox.pendingRecords === 0 || poll(),
      { what: "reported on every record", everyMs: 0 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.outbox[Symbol.dispose]();
    await this.producer[Symbol.asyncDispose]();
  }
}

/** Sends records by a producer of their own; throws where one is refused. */
export async function produce(
  bootstrapServers: string,
  records: readonly OutputRecord[],
): Promise<void> {
  await using sender = new Sender(bootstrapServers);
  const failed = (await sender.send(records)).filter(({ code }) => code !== 0);
  if (failed.length > 0) {
    throw new Error(`${failed.length} records failed: ${failed[0]!.code}`);
  }
}

/** A record as it was read, copied out of its batch. */
export interface Received extends TopicPartition {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly ReadHeader[];
}

const RING_RECORDS = 4096;

/**
 * A group member that reads on the test's thread. It answers assignments and
 * revocations as the coordinator does: forward, then assign.
 */
export class Member implements AsyncDisposable {
  readonly consumer: Consumer;
  readonly inbox: Inbox;
  readonly queue: ReturnType<Consumer["newQueue"]>;
  /** Partitions owned now, in the order of their assignment. */
  readonly assigned: TopicPartition[] = [];
  /** All events, in order. */
  readonly events: ClientEvent[] = [];
  readonly received: Received[] = [];
  readonly failures: { tp: TopicPartition; error: KafkaError }[] = [];
  /** By lane; a lane is given to each partition that was ever owned. */
  readonly next = new Float64Array(64);
  readonly #lanes: TopicPartition[] = [];
  readonly #ring = newRing(library, RING_RECORDS);
  /** Where an assigned partition starts. */
  readonly #start: (tp: TopicPartition) => PartitionOffset;

  constructor(
    bootstrapServers: string,
    properties: ConsumerProperties,
    start = (tp: TopicPartition): PartitionOffset => ({
      ...tp,
      offset: "stored",
    }),
  ) {
    this.#start = start;
    this.consumer = new Consumer(library, {
      "bootstrap.servers": bootstrapServers,
      "auto.offset.reset": "earliest",
      ...FAST_FETCH,
      ...properties,
    });
    this.queue = this.consumer.newQueue();
    this.inbox = new Inbox(library, {
      queue: this.consumer.addressOf(this.queue),
      ring: this.#ring.address,
      capacity: RING_RECORDS,
    }, {
      laneOf: (topic, partition) =>
        this.#lanes.findIndex((lane) => isSame(lane, { topic, partition })),
      partitions: this.#lanes,
      next: this.next,
      failed: (tp, error) => this.failures.push({ tp, error }),
    });
  }

  /** Serves events once, waiting up to 10 ms for one. */
  async serve(): Promise<void> {
    const event = await this.consumer.poll(10);
    if (event !== null) this.#handle(event);
  }

  /** Serves events and records once. */
  async step(): Promise<void> {
    await this.serve();
    for (;;) {
      const batch = this.inbox.take(RING_RECORDS / 2);
      if (batch === null) return;
      this.received.push(...copy(batch));
      batch.free();
    }
  }

  /** Serves until `condition` holds. */
  async until(condition: () => boolean, what: string): Promise<void> {
    await untilAll([this], condition, what);
  }

  /** What was read of one partition, in order. */
  of(topic: string, partition: number): Received[] {
    return this.received.filter((each) => isSame(each, { topic, partition }));
  }

  #handle(event: ClientEvent): void {
    this.events.push(event);
    if (event.kind === "assign") {
      for (const { topic, partition } of event.partitions) {
        const tp = { topic, partition };
        this.consumer.forward(tp, this.queue);
        this.assigned.push(tp);
        const known = this.#lanes.findIndex((lane) => isSame(lane, tp));
        if (known < 0) this.#lanes.push(tp);
        else this.next[known] = 0;
      }
      this.inbox.assignmentChanged();
      this.consumer.assign(event.partitions.map(this.#start));
    } else if (event.kind === "revoke") {
      this.consumer.unassign(event.partitions);
      for (const revoked of event.partitions) {
        const at = this.assigned.findIndex((each) => isSame(each, revoked));
        if (at >= 0) this.assigned.splice(at, 1);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.consumer[Symbol.asyncDispose]();
    this.inbox[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
  }
}

/** Serves several members in turn until `condition` holds. */
export async function untilAll(
  members: readonly Member[],
  condition: () => boolean,
  what: string,
): Promise<void> {
  await eventually(
    async () => {
      for (const member of members) await member.step();
      return condition();
    },
    { what, everyMs: 0 },
  );
}

/** Copies every record out of a batch. */
export function copy(batch: Batch): Received[] {
  return Array.from({ length: batch.count }, (_, index) => ({
    ...batch.tp(index),
    offset: batch.offset(index),
    timestampMs: batch.timestamp(index),
    key: batch.key(index),
    value: batch.value(index),
    headers: batch.headers(index),
  }));
}

export function isSame(one: TopicPartition, other: TopicPartition): boolean {
  return one.topic === other.topic && one.partition === other.partition;
}

const decoder = new TextDecoder();

/** Bytes as text; null stays null. */
export function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes);
}
