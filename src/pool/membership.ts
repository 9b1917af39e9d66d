/**
 * This instance's life in the consumer group: polls the consumer's events and
 * answers rebalances. Rebalances and moves between threads share one `Serial`,
 * so that each sees the other's result.
 */
import {
  type ClientEvent,
  type Consumer,
  isClientRefused,
  KafkaError,
  type OauthToken,
  type PartitionAnswer,
  type TopicPartition,
} from "../kafka/mod.ts";
import { type Log, logClientLine } from "../telemetry/log.ts";
import { within } from "./deadline.ts";
import type { Partition, Partitions } from "./partitions.ts";
import type { Placement } from "./placement.ts";
import type { PoolSpans } from "./pool_spans.ts";
import type { Positions } from "./positions.ts";
import type { JobCoordinates, Ownership } from "./protocol.ts";
import type { Serial } from "./serial.ts";
import {
  type ResetOf,
  type StartOffset,
  startOffsets,
  validOffset,
} from "./start_offsets.ts";
import type { Tally } from "./tally.ts";
import { topicIdsOf } from "./topic_ids.ts";

export interface MembershipParts {
  readonly consumer: Consumer;
  readonly partitions: Partitions;
  readonly placement: Placement;
  readonly positions: Positions;
  readonly serial: Serial;
  readonly resetOf: ResetOf;
  /** Null: nobody wants to know the ids of topics. */
  readonly coordinates: JobCoordinates | null;
  readonly revokeMs: number;
  readonly log: Log;
  /** Null: nobody takes spans. */
  readonly spans: PoolSpans | null;
  readonly tally: Tally;
  readonly oauthToken: ((config: string) => Promise<OauthToken>) | undefined;
  /** The group gives partitions to us under this member id. */
  readonly onJoined: (memberId: string) => void;
  /** What ends the pool: the cluster will not have this member. */
  readonly onFatal: (error: Error) => void;
}

const POLL_MS = 100;
const NO_TOKEN = "no token provider; use sasl.oauthbearer.method=oidc";

export class Membership {
  readonly #parts: MembershipParts;
  readonly #abort = new AbortController();
  #topics: readonly string[] = [];
  #left = false;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** Joins the group and serves it until `leave` has ended. */
  async run(topics: readonly string[]): Promise<void> {
    const { consumer } = this.#parts;
    this.#topics = topics;
    consumer.subscribe(topics);
    while (!this.#left || !consumer.closed) {
      const event = await consumer.poll(POLL_MS);
      if (event !== null) this.#handle(event);
    }
    await this.#parts.serial.idle();
  }

  /** Leaves the group; `run` ends when that is done. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#abort.abort(new Error("leaving the group"));
    this.#parts.consumer.leave();
  }

  #handle(event: ClientEvent): void {
    const { log, onFatal } = this.#parts;
    switch (event.kind) {
      case "assign":
        this.#rebalance(
          "assign",
          event.partitions,
          () => this.#assigned(event.partitions),
        );
        break;
      case "revoke":
        this.#rebalance(
          "revoke",
          event.partitions,
          () => this.#revoked(event.partitions),
        );
        break;
      case "error":
        if (event.error.fatal || isClientRefused(event.error.code)) {
          onFatal(event.error);
        } else {
          log.warn("Kafka", { error: event.error.message });
        }
        break;
      case "log":
        logClientLine(log, event.log);
        break;
      case "tokenRefresh":
        this.refreshToken(this.#parts.consumer, event.config);
        break;
      case "statistics":
      case "other":
        break;
      default:
        event satisfies never;
    }
  }

  /** Answers a client's wish for a token. */
  async refreshToken(
    client: Pick<Consumer, "setOauthToken" | "setOauthTokenFailure">,
    config: string,
  ): Promise<void> {
    try {
      if (!this.#parts.oauthToken) throw new Error(NO_TOKEN);
      client.setOauthToken(await this.#parts.oauthToken(config));
    } catch (error) {
      client.setOauthTokenFailure(String(error));
    }
  }

  /** The position of a partition is not in its log any more. */
  resetOffset(ownership: Ownership): void {
    this.#serially("reset offset", async () => {
      const { consumer, partitions, placement, resetOf, log } = this.#parts;
      const partition = partitions.find(ownership.tp);
      if (!partition || !partitions.isCurrent(ownership)) return;
      await placement.release([partition]);
      const { topic, partition: number } = partition.tp;
      const next = await validOffset(
        consumer,
        partition.tp,
        partition.next,
        resetOf,
        this.#abort.signal,
      );
      log.warn(
        next === partition.next
          ? "fetching begins anew"
          : "offset out of range",
        {
          topic,
          partition: number,
          offset: partition.next,
          resetTo: next,
        },
      );
      // librdkafka has stopped fetching it: only a new assignment starts again.
      partitions.remove([partition]);
      consumer.unassign([partition.tp]);
      const { committed, tp } = partition;
      await this.#add([tp], () => Promise.resolve([{ tp, next, committed }]));
    });
  }

  #rebalance(
    what: "assign" | "revoke",
    partitions: readonly TopicPartition[],
    action: () => Promise<void>,
  ): void {
    const { spans, tally } = this.#parts;
    tally.rebalances++;
    this.#serially(
      what,
      () => spans?.change(`rebalance ${what}`, partitions, action) ?? action(),
    );
  }

  #serially(what: string, action: () => Promise<void>): void {
    this.#parts.serial.run(action).catch((error) => {
      if (this.#abort.signal.aborted) return;
      this.#parts.onFatal(
        error instanceof KafkaError || error instanceof Error
          ? error
          : new Error(`${what}: ${error}`),
      );
    });
  }

  async #assigned(assigned: readonly PartitionAnswer[]): Promise<void> {
    const { consumer, resetOf, log } = this.#parts;
    if (this.#left) {
      consumer.assign(assigned.map(({ topic, partition }) => ({
        topic,
        partition,
        offset: "stored",
      })));
      return;
    }
    log.info("partitions assigned", { partitions: this.#describe(assigned) });
    this.#parts.tally.isAssigned = true;
    this.#parts.onJoined(consumer.memberId);
    if (assigned.length === 0) {
      consumer.assign([]);
      return;
    }
    const { signal } = this.#abort;
    await this.#add(
      assigned,
      () => startOffsets(consumer, assigned, resetOf, signal),
    );
  }

  /** Gives partitions to threads, with what ids their topics have now. */
  async #add(
    partitions: readonly TopicPartition[],
    ask: () => Promise<readonly StartOffset[]>,
  ): Promise<void> {
    const { consumer, coordinates, log, placement } = this.#parts;
    if (coordinates === null) return await placement.add(await ask());
    const topics = partitions.map(({ topic }) => topic);
    const [starts, ids] = await Promise.all([
      ask(),
      topicIdsOf(consumer, topics, this.#abort.signal),
    ]);
    for (const [topic, topicId] of ids) {
      if (topicId === coordinates.topicIds[topic]) continue;
      log.warn("topic was created again", { topic, topicId });
    }
    await placement.add(
      starts.map((each) => ({ ...each, topicId: ids.get(each.tp.topic) })),
    );
  }

  async #revoked(revoked: readonly PartitionAnswer[]): Promise<void> {
    const { consumer, partitions, placement, positions, log } = this.#parts;
    const lost = consumer.assignmentLost;
    if (lost) this.#parts.tally.dropped();
    log.info(lost ? "partitions lost" : "partitions revoked", {
      partitions: this.#describe(revoked),
    });
    const owned = revoked.map((each) => partitions.find(each))
      .filter((each): each is Partition => each !== undefined);
    const released = placement.release(owned);
    if (!lost) {
      // Whoever gets them next starts from what is committed here.
      if (!await within(released, this.#parts.revokeMs)) {
        log.warn("revoked partitions did not settle in time", {});
      }
      await positions.commit(owned);
    }
    partitions.remove(owned);
    consumer.unassign(revoked);
    if (!this.#left) await placement.rebalance();
  }

  /** `0,1,2`, or where there are several topics `in: 0,1 in.retry.1m: 0`. */
  #describe(partitions: readonly PartitionAnswer[]): string {
    const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
    return [...byTopic].sort().map(([topic, those]) => {
      const numbers = those.map((each) => each.partition).sort((a, b) => a - b)
        .join(",");
      return this.#topics.length === 1 ? numbers : `${topic}: ${numbers}`;
    }).join(" ");
  }
}
