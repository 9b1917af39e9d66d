/**
 * The sink of at-least-once: an input is done when librdkafka has reported each
 * of its outputs as acknowledged by the cluster.
 */
import { isRecordRefused } from "../src/kafka/mod.ts";
import type { Position } from "../src/pool/protocol.ts";
import { type FailedOutput, OutboxSink } from "./outbox_sink.ts";

export class AcknowledgedSink extends OutboxSink {
  /** The coordinator commits whenever it likes. */
  readonly idle = true;

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
    this.parts.onRefused(error);
    return false;
  }
}
