/**
 * MirrorMaker 2's heartbeats. Those on the target say that this mirror lives;
 * those on the source are mirrored on, and tell MM2's users who mirrors where.
 * MM2 writes both, the latter as the heartbeats of the mirror in the other
 * direction. The age of the last that arrived is not how far the target is
 * behind: they have one partition, and others may stand still (`reach.ts`).
 */
import type { RecordWriter } from "./record_writer.ts";
import type { Entry } from "./types.ts";

export interface Heartbeat {
  readonly source: string;
  readonly target: string;
  readonly timestampMs: number;
}

export interface HeartbeatParts {
  /** Aliases of the clusters, as the record names them. */
  readonly source: string;
  readonly target: string;
  /** Of one partition, on the cluster that `writer` writes to. */
  readonly topic: string;
  readonly encode: (heartbeat: Heartbeat) => Entry;
  readonly writer: Pick<RecordWriter, "write">;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** @throws {KafkaError} when it is not acknowledged. */
export function beat(
  { encode, now, source, target, topic, writer }: HeartbeatParts,
  signal: AbortSignal,
): Promise<void> {
  const timestampMs = now();
  const entry = encode({ source, target, timestampMs });
  const record = { topic, partition: 0, timestampMs, ...entry };
  return writer.write([record], signal);
}
