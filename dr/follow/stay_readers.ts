/** Group members one after another: one for each stay of the application. */
import { Consumer, type ConsumerProperties } from "../../src/kafka/mod.ts";
import { ourClientId } from "../formats/client_id.ts";
import { asError } from "../state/errors.ts";
import type { ClusterName } from "../state/types.ts";
import { unlessAborted } from "../waits.ts";
import type { ActiveCluster, LiveStay } from "./active_cluster.ts";
import type { Endings } from "./endings.ts";
import { FollowError } from "./errors.ts";
import type { Taken } from "./group_commits.ts";
import { GroupReader } from "./group_reader.ts";

export interface FollowingConsumerOptions {
  /** The group, of the same name on both clusters. */
  readonly group: string;
  /** By name; a name that starts with `^` is a regular expression. */
  readonly topics: readonly string[];
  /** Of this consumer on both clusters; they go before the clusters' own. */
  readonly properties?: ConsumerProperties;
  /** Of a batch, at most; default 500. */
  readonly batchRecords?: number;
  /**
   * How long the group's revocation of a partition waits for the batch that is
   * being handled, in milliseconds; default 5,000.
   */
  readonly revokeMs?: number;
}

/** What a reader gave, and which one that was. */
export interface Handed {
  readonly reader: GroupReader;
  readonly taken: Taken;
}

/** What works beside a reader. */
export interface Companion {
  /**
   * Called before the group is joined.
   * @throws what keeps it from being joined; anything once the stay is over.
   */
  open(stay: LiveStay): Promise<void>;
  /** Called when the group is left, also where nothing was opened. */
  close(): void;
}

const ALONE: Companion = { open: () => Promise.resolve(), close: () => {} };

const BATCH_RECORDS = 500;
const REVOKE_MS = 5_000;

const DEFAULTS = {
  // Rather twice than never, where the group has no position yet.
  "auto.offset.reset": "earliest",
  // librdkafka's own second costs most of the throughput.
  "fetch.queue.backoff.ms": 2,
} as const satisfies ConsumerProperties;

export class StayReaders implements AsyncDisposable {
  readonly #active: ActiveCluster;
  readonly #options: FollowingConsumerOptions;
  readonly #companion: Companion;
  readonly #endings: Endings;
  readonly #subscription: Disposable;
  #reader: GroupReader | null = null;
  #news = Promise.withResolvers<void>();
  #failure: Error | null = null;
  #closed: FollowError | null = null;
  #isTaking = false;

  /**
   * Joins the group, when its companion is open.
   * @throws {PropertyError} for properties that librdkafka refuses, also those of
   * the cluster that is not in use; {RangeError} for a batch of no records.
   */
  constructor(
    active: ActiveCluster,
    options: FollowingConsumerOptions,
    companion: Companion = ALONE,
  ) {
    const { batchRecords = BATCH_RECORDS } = options;
    if (!(Number.isInteger(batchRecords) && batchRecords >= 1)) {
      throw new RangeError(
        `batches of ${batchRecords} records; expected 1 or more`,
      );
    }
    this.#active = active;
    this.#options = options;
    this.#companion = companion;
    this.#endings = active.newEndings("consumer");
    this.#endings.tryOut((cluster) =>
      new Consumer(active.library, this.#propertiesOf(cluster))
    );
    this.#subscription = active.onStay((stay) => this.#moved(stay));
    this.#moved(active.stay);
  }

  get isClosed(): boolean {
    return this.#closed !== null;
  }

  /**
   * The next records, of whichever cluster is in use; those before count as
   * handled. Not to be called while an earlier call waits.
   * @throws {KafkaError} where this cluster cannot be read; {FollowError}
   * `closed`; {TypeError} while an earlier call waits; the signal's reason.
   */
  async take(signal: AbortSignal): Promise<Handed> {
    if (this.#isTaking) throw new TypeError("an earlier call waits");
    this.#isTaking = true;
    try {
      for (;;) {
        signal.throwIfAborted();
        if (this.#closed !== null) throw this.#closed;
        const failure = this.#failure;
        if (failure !== null) {
          // Whoever calls again may have mended it.
          this.#moved(this.#active.stay);
          throw failure;
        }
        const reader = this.#reader;
        const taken = await reader?.take(signal) ?? null;
        if (taken !== null) return { reader: reader!, taken };
        if (this.#reader === reader) {
          await unlessAborted(this.#news.promise, signal);
        }
      }
    } finally {
      this.#isTaking = false;
    }
  }

  /**
   * Leaves the group. Waits for a cluster that is dead no longer than `endMs`.
   * Nothing is committed by this.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed === null) {
      this.#closed = new FollowError("closed", "this consumer was closed");
      this.#subscription[Symbol.dispose]();
      this.#leave();
      this.#tell();
    }
    await this.#endings.all();
  }

  #moved(stay: LiveStay | null): void {
    this.#leave();
    this.#failure = null;
    if (stay !== null) this.#begin(stay);
    this.#tell();
  }

  #leave(): void {
    this.#companion.close();
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) return;
    reader.stop();
    this.#endings.add(reader.stay.cluster, reader[Symbol.asyncDispose]());
  }

  /** Two members of one name would harm one another, so the older ends first. */
  async #begin(stay: LiveStay): Promise<void> {
    const isOver = () => this.#closed !== null || stay.signal.aborted;
    await this.#endings.of(stay.cluster);
    if (isOver()) return;
    const { batchRecords, revokeMs, topics } = this.#options;
    try {
      await this.#companion.open(stay);
      if (isOver()) return;
      this.#reader = new GroupReader({
        active: this.#active,
        stay,
        properties: this.#propertiesOf(stay.cluster),
        topics,
        batchRecords: batchRecords ?? BATCH_RECORDS,
        revokeMs: revokeMs ?? REVOKE_MS,
      });
    } catch (error) {
      if (isOver()) return;
      this.#failure = asError(error);
    }
    this.#tell();
  }

  #tell(): void {
    const news = this.#news;
    this.#news = Promise.withResolvers();
    news.resolve();
  }

  #propertiesOf(cluster: ClusterName): ConsumerProperties {
    return memberProperties(
      this.#active.propertiesOf(cluster).consumer,
      this.#options,
    );
  }
}

/** @param usual of all consumers of the cluster */
export function memberProperties(
  usual: ConsumerProperties,
  { group, properties }: Pick<FollowingConsumerOptions, "group" | "properties">,
): ConsumerProperties {
  const { "client.id": id = "follow", ...rest } = { ...usual, ...properties };
  return {
    ...DEFAULTS,
    ...rest,
    "client.id": ourClientId(id),
    "group.id": group,
  };
}
