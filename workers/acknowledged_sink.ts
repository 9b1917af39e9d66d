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

  takeChanged(): Position[] {
    return this.parts.settlement.takeChanged();
  }

  publish(): void {
    const { page, settlement } = this.parts;
    page.count("produced", this.produced);
    page.count("deadLettered", this.deadLettered);
    page.count("consumed", settlement.takeSettledRecords());
    this.produced = this.deadLettered = 0;
  }

  protected failed(output: FailedOutput): boolean {
    const { error } = output;
    if (isRecordRefused(error.code) && this.replace(output)) return true;
    this.parts.onRefused(error);
    return false;
  }
}
