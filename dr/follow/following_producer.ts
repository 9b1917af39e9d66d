/** A producer that moves with the active cluster. */
import { Buffer } from "node:buffer";
import {
  type OutputRecord,
  Producer,
  type ProducerProperties,
} from "../../src/kafka/mod.ts";
import { NO_QUEUE_BOUND, writeError } from "../outgoing.ts";
import type { ClusterName } from "../state/types.ts";
import { unlessAborted } from "../waits.ts";
import type { ActiveCluster, LiveStay } from "./active_cluster.ts";
import { ByteRoom } from "./byte_room.ts";
import type { Endings } from "./endings.ts";
import { FollowError } from "./errors.ts";
import { StayProducer } from "./stay_producer.ts";
import {
  type OnSwitch,
  type RecordPlace,
  Unacknowledged,
} from "./unacknowledged.ts";

export interface FollowingProducerOptions {
  /**
   * What becomes of records that the old cluster has not acknowledged:
   * - `resend`: they are sent to the new one. What the old one had taken all the
   *   same, and was mirrored, is then there twice.
   * - `fail`: `send` rejects with a FollowError `unacknowledged`.
   *
   * Records that no cluster was given yet go to the new one in both cases.
   */
  readonly onSwitch: OnSwitch;
  /**
   * Bytes that are not acknowledged; beyond, `send` waits. Default 32 MiB. One
   * call that has more waits until it has all the room.
   */
  readonly pendingBytes?: number;
  /** Of this producer on both clusters; they go before the clusters' own. */
  readonly properties?: ProducerProperties;
}

const PENDING_BYTES = 32 * 1024 * 1024;
/** What is kept beside key and value. */
const RECORD_BYTES = 64;

const DEFAULTS = {
  "enable.idempotence": true,
  "linger.ms": 2,
  ...NO_QUEUE_BOUND,
} as const satisfies ProducerProperties;
const ACKS = ["acks", "request.required.acks"] as const;

export class FollowingProducer implements AsyncDisposable {
  readonly #active: ActiveCluster;
  readonly #onSwitch: OnSwitch;
  readonly #properties: ProducerProperties;
  readonly #room: ByteRoom;
  readonly #records = new Unacknowledged();
  readonly #endings: Endings;
  readonly #subscription: Disposable;
  #client: StayProducer | null = null;
  /** Records that clients had that are gone, and that wait for another one. */
  #kept = 0;
  #closed: FollowError | null = null;

  /**
   * @throws {PropertyError} for properties that librdkafka refuses, also those of
   * the cluster that is not in use; {RangeError} for a `transactional.id`, since
   * a transaction belongs to one cluster, and for `acks` of 0, since `send` waits
   * for them.
   */
  constructor(
    active: ActiveCluster,
    { onSwitch, pendingBytes, properties }: FollowingProducerOptions,
  ) {
    this.#active = active;
    this.#onSwitch = onSwitch;
    this.#properties = properties ?? {};
    this.#room = new ByteRoom(pendingBytes ?? PENDING_BYTES);
    this.#endings = active.newEndings("producer");
    this.#endings.tryOut((cluster) => {
      const all = this.#propertiesOf(cluster);
      if (all["transactional.id"] !== undefined) {
        throw new RangeError("a FollowingProducer takes no transactional.id");
      }
      if (ACKS.some((name) => String(all[name]) === "0")) {
        throw new RangeError("a FollowingProducer takes no acks of 0");
      }
      return new Producer(active.library, all);
    });
    this.#subscription = active.onStay((stay) => this.#moved(stay));
    this.#moved(active.stay);
  }

  /** Bytes that are not acknowledged. */
  get pendingBytes(): number {
    return this.#room.taken;
  }

  /**
   * Sends in this order and waits until all are acknowledged, by whichever
   * cluster is in use; while none is, it waits for one. Within a partition, calls
   * that do not wait for one another keep their order, too, where
   * `enable.idempotence` is not false.
   * @returns where each was acknowledged.
   * @throws {KafkaError} of the first that is refused or late (after
   * `message.timeout.ms`); {FollowError} `unacknowledged` or `closed`; the
   * signal's reason: what a cluster was given may still arrive then.
   */
  async send(
    records: OutputRecord | readonly OutputRecord[],
    signal: AbortSignal,
  ): Promise<readonly RecordPlace[]> {
    const all = "topic" in records ? [records] : records;
    if (this.#closed !== null) throw this.#closed;
    if (all.length === 0) return [];
    const bytes = all.reduce((sum, record) => sum + sizeOf(record), 0);
    await this.#room.take(bytes, signal);
    const end = () => this.#room.giveBack(bytes);
    if (this.#closed !== null) {
      end();
      throw this.#closed;
    }
    const { id, places } = this.#records.add(all, end);
    try {
      this.#sendNow(id);
      return await unlessAborted(places, signal);
    } catch (error) {
      this.#records.abandon(id);
      throw error;
    }
  }

  /**
   * What is not acknowledged is given up: `send` rejects. Waits for clients of a
   * cluster that is dead no longer than `endMs`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed === null) {
      this.#closed = new FollowError("closed", "this producer was closed");
      this.#subscription[Symbol.dispose]();
      this.#endClient();
      this.#room.refuseAll(this.#closed);
      this.#records.failAll(this.#closed);
    }
    await this.#endings.all();
  }

  #sendNow(id: number): void {
    if (this.#client !== null) this.#client.send(this.#records.take(id));
    // A client that was of no use any more is replaced when it is needed.
    else if (this.#active.stay !== null) this.#open(this.#active.stay);
  }

  #moved(stay: LiveStay | null): void {
    const from = this.#client?.stay.cluster;
    this.#endClient();
    if (from !== undefined) {
      this.#kept = this.#records.left(
        this.#onSwitch,
        new FollowError(
          "unacknowledged",
          `the ${from} was left before it acknowledged the records`,
        ),
      );
    }
    if (stay === null) return;
    const { cluster } = stay;
    const records = this.#kept;
    this.#kept = 0;
    if (records > 0) this.#active.tell({ kind: "resent", cluster, records });
    this.#open(stay);
  }

  #open(stay: LiveStay): void {
    const { cluster, epoch } = stay;
    const client: StayProducer = new StayProducer({
      active: this.#active,
      stay,
      properties: this.#propertiesOf(cluster),
      onReport: (id, index, code, _isUnsent, offset) =>
        this.#records.reported(
          id,
          index,
          ({ topic }) =>
            code === 0 ? { cluster, epoch, offset } : writeError(topic, code),
        ),
      onFatal: (error) => {
        if (this.#client !== client) return;
        this.#endClient();
        this.#records.left("fail", error);
      },
    });
    this.#client = client;
    client.send(this.#records.takeAll());
  }

  #endClient(): void {
    const client = this.#client;
    if (client === null) return;
    client.stop();
    this.#client = null;
    this.#endings.add(client.stay.cluster, client[Symbol.asyncDispose]());
  }

  #propertiesOf(cluster: ClusterName): ProducerProperties {
    return {
      ...DEFAULTS,
      ...this.#active.propertiesOf(cluster).producer,
      ...this.#properties,
    };
  }
}

function sizeOf({ headers, key, value }: OutputRecord): number {
  const parts = [
    key,
    value,
    ...(headers ?? []).flatMap((each) => [each.key, each.value]),
  ];
  return parts.reduce<number>(
    (sum, part) => sum + byteLength(part),
    RECORD_BYTES,
  );
}

const byteLength = (part: string | Uint8Array | null | undefined): number =>
  typeof part === "string" ? Buffer.byteLength(part) : part?.length ?? 0;
