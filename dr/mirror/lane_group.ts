/**
 * Which lanes this process has: a consumer group on the target shares out the
 * partitions of the lane topic, and a lane is one of them. Nothing is read.
 */
import type {
  ClientEvent,
  Consumer,
  PartitionAnswer,
} from "../../src/kafka/mod.ts";
import { isClientRefused } from "../../src/kafka/mod.ts";
import { Serial } from "../../src/pool/serial.ts";
import { type Log, logClientLine } from "../../src/telemetry/log.ts";

export interface LaneGroupParts {
  /** Of the target; stays the caller's. */
  readonly consumer: Consumer;
  readonly topic: string;
  readonly log: Log;
  readonly open: (lane: number) => void;
  /**
   * @param isLost somebody else may have it already: nothing of it counts
   * @returns when nothing of it is under way.
   */
  readonly close: (lane: number, isLost: boolean) => Promise<void>;
  /** The target will not have this member. */
  readonly onFatal: (message: string) => void;
}

const POLL_MS = 100;

export class LaneGroup {
  readonly #parts: LaneGroupParts;
  readonly #serial = new Serial();
  #left = false;

  constructor(parts: LaneGroupParts) {
    this.#parts = parts;
  }

  /** Joins the group and serves it until `leave` has ended. */
  async run(): Promise<void> {
    const { consumer, topic } = this.#parts;
    consumer.subscribe([topic]);
    while (!this.#left || !consumer.closed) {
      const event = await consumer.poll(POLL_MS);
      if (event !== null) this.#handle(event);
    }
    await this.#serial.idle();
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#parts.consumer.leave();
  }

  #handle(event: ClientEvent): void {
    const { consumer, log, onFatal } = this.#parts;
    switch (event.kind) {
      case "assign":
        this.#serially(() => this.#assigned(event.partitions));
        break;
      case "revoke":
        this.#serially(() => this.#revoked(event.partitions));
        break;
      case "error":
        if (event.error.fatal || isClientRefused(event.error.code)) {
          onFatal(event.error.message);
        } else {
          log.warn("Kafka", { error: event.error.message });
        }
        break;
      case "log":
        logClientLine(log, event.log);
        break;
      case "tokenRefresh":
        consumer.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
        break;
      case "statistics":
      case "other":
        break;
      default:
        event satisfies never;
    }
  }

  #assigned(assigned: readonly PartitionAnswer[]): Promise<void> {
    const { consumer, log, open } = this.#parts;
    const lanes = assigned.map(({ partition }) => partition);
    const tps = assigned.map(({ topic, partition }) => ({ topic, partition }));
    // The records of the log are read by whoever has the lane, not by the group.
    consumer.assign(tps.map((tp) => ({ ...tp, offset: 0 })));
    if (tps.length > 0) consumer.pause(tps);
    if (this.#left) return Promise.resolve();
    log.info("lanes assigned", { lanes: lanes.join(",") });
    lanes.forEach(open);
    return Promise.resolve();
  }

  async #revoked(revoked: readonly PartitionAnswer[]): Promise<void> {
    const { close, consumer, log } = this.#parts;
    const isLost = consumer.assignmentLost;
    const lanes = revoked.map(({ partition }) => partition);
    log.info(isLost ? "lanes lost" : "lanes revoked", {
      lanes: lanes.join(","),
    });
    await Promise.all(lanes.map((lane) => close(lane, isLost)));
    consumer.unassign(revoked);
  }

  #serially(action: () => Promise<void>): void {
    this.#serial.run(action).catch((error) =>
      this.#parts.onFatal(error instanceof Error ? error.message : `${error}`)
    );
  }
}
