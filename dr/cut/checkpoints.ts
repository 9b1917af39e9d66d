/** MirrorMaker 2's checkpoints: written, and read again by the next leader. */
import type { CheckpointHistory } from "./history.ts";
import type { RecordWriter } from "./record_writer.ts";
import type { Checkpoint, Entry } from "./types.ts";

/** MirrorMaker 2's format. */
export interface CheckpointCodec {
  encode(checkpoint: Checkpoint): Entry;
  /** Null: no value; throws where it is no checkpoint. */
  decode(
    key: Uint8Array | null,
    value: Uint8Array | null,
  ): Checkpoint | null;
}

export interface StoredRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/**
 * Reads partition 0 of a topic of the target from its beginning to its end of
 * now, what is committed; nothing where there is no such topic.
 */
export type ReadTopic = (
  topic: string,
  signal: AbortSignal,
) => AsyncIterable<StoredRecord>;

export interface CheckpointParts {
  /** On the target: `<source>.checkpoints.internal`. */
  readonly topic: string;
  readonly codec: CheckpointCodec;
  readonly writer: Pick<RecordWriter, "write">;
}

/** @throws {KafkaError} when they are not all acknowledged. */
export function writeCheckpoints(
  { codec, topic, writer }: CheckpointParts,
  checkpoints: readonly Checkpoint[],
  signal: AbortSignal,
): Promise<void> {
  const records = checkpoints.map((each) => ({
    topic,
    partition: 0,
    ...codec.encode(each),
  }));
  return writer.write(records, signal);
}

/**
 * What was written last, by whichever mirror. A record that is no checkpoint is
 * passed over: then that group's offsets never go back, nothing else.
 * @returns how many were passed over
 */
export async function loadCheckpoints(
  { codec, topic }: CheckpointParts,
  readTopic: ReadTopic,
  history: CheckpointHistory,
  signal: AbortSignal,
): Promise<number> {
  let unreadable = 0;
  for await (const { key, value } of readTopic(topic, signal)) {
    try {
      const checkpoint = codec.decode(key, value);
      if (checkpoint !== null) history.note(checkpoint);
    } catch {
      // Whoever wrote it, it tells nothing of a group.
      unreadable++;
    }
  }
  return unreadable;
}
