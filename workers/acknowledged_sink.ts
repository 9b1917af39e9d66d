/**
 * The sink of at-least-once: an input is done when librdkafka has reported each
 * of its outputs as acknowledged by the cluster.
 */
import {
  isProducerSpent,
  isRecordRefused,
  type KafkaError,
} from "../src/kafka/mod.ts";
import type { Position } from "../src/pool/protocol.ts";
import {
  type FailedOutput,
  OutboxSink,
  type OutboxSinkParts,
} from "./outbox_sink.ts";

export interface AcknowledgedSinkParts extends OutboxSinkParts {
  /** Another producer may deliver what this one cannot. */
  readonly onProducerSpent: (error: KafkaError) => void;
}

export class AcknowledgedSink extends OutboxSink {
  /** The coordinator commits whenever it likes. */
  readonly idle = true;
  readonly #onProducerSpent: (error: KafkaError) => void;

  constructor(parts: AcknowledgedSinkParts) {
    super(parts);
    this.#onProducerSpent = parts.onProducerSpent;
  }

  settle(): void {}

  takeChanged(exact: boolean, last: boolean): Position[] {
    const { settlement } = this.parts;
    const positions = exact ? settlement.takeExact(last) : [];
    positions.push(...settlement.takeChanged());
    return positions;
  }

  publish(): void {
    this.count(this.takeCounts());
  }

  protected failed(output: FailedOutput): boolean {
    const { error } = output;
    if (isRecordRefused(error.code) && this.replace(output)) return true;
    if (isProducerSpent(error.code)) this.#onProducerSpent(error);
    else this.parts.onRefused(error);
    return false;
  }
}
