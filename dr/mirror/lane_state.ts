/** What a lane's owner must know before it goes on: where each partition stands. */
import {
  type Admin,
  type ConsumerProperties,
  type Library,
  readTopic,
  wholeTopic,
} from "../../src/kafka/mod.ts";
import {
  connectOffsetsTopic,
  decodeSourcePosition,
  type Flow,
  lanesTopic,
} from "../formats/mod.ts";
import type { KeptOutputs } from "../../src/pool/kept_outputs.ts";
import type { OffsetRanges } from "../../src/pool/offset_ranges.ts";
import { askRepeatedly, ATTEMPT_MS, maySettle } from "../cut/requests.ts";
import { decodeLaneRecord, OffsetMap } from "../offset_map/mod.ts";
import { LaneSealedError } from "./lane_era.ts";

export interface LaneStateParts {
  readonly library: Library;
  readonly flow: Flow;
  /** Both of the target. */
  readonly consumer: ConsumerProperties;
  readonly admin: Admin;
}

/** Positions of a lane, as its log and MirrorMaker 2's have them. */
export interface LaneState {
  readonly map: OffsetMap;
  /** By topic and partition, `topic-partition`: the next offset to read. */
  readonly positions: ReadonlyMap<string, number>;
  /** Bytes of the log, for deciding on snapshots. */
  readonly logBytes: number;
  /**
   * By topic and partition of the source, `topic-partition`: records that the
   * target has already, which a failback has copied from there (I5); absent: none.
   */
  readonly returned?: ReadonlyMap<string, OffsetRanges>;
  /**
   * Outputs that the target has already, made there before a failover, and that
   * pools of the source have made again; absent: none.
   */
  readonly kept?: readonly KeptOutputs[];
}

const REQUEST_MS = 10_000;

const decoder = new TextDecoder();

/**
 * Reads all of it. To be called by the lane's owner once its transactional id
 * is initialised: then nobody else adds to it.
 * @throws {ReadError | KafkaError} where the target does not answer.
 * @throws {LaneSealedError} where the log has an era above `era`.
 */
export async function readLaneState(
  parts: LaneStateParts & { readonly era: number },
  lane: number,
  signal: AbortSignal,
): Promise<LaneState> {
  const map = new OffsetMap();
  let logBytes = 0;
  for await (
    const value of readRecords(
      parts,
      lanesTopic(parts.flow.source),
      lane,
      signal,
    )
  ) {
    if (value.value === null) continue;
    logBytes += value.value.length;
    const record = decodeLaneRecord(value.value);
    if (record.era > parts.era) {
      throw new LaneSealedError(lane, record.era, parts.era);
    }
    map.apply(lane, record);
  }
  const positions = new Map<string, number>();
  const all = readRecords(
    parts,
    connectOffsetsTopic(parts.flow.source),
    undefined,
    signal,
  );
  for await (const { key, value } of all) {
    const position = decodeSourcePosition(key, value);
    if (position?.cluster !== parts.flow.source) continue;
    const { next, partition, topic } = position;
    if (next === null) positions.delete(`${topic}-${partition}`);
    else positions.set(`${topic}-${partition}`, next);
  }
  signal.throwIfAborted();
  return { map, positions, logBytes };
}

/**
 * Gives what a compacted topic of texts says now to whoever keeps it; nothing where
 * there is no such topic.
 * @throws {KafkaError | ReadError} where the cluster does not answer; the signal's
 * reason.
 */
export async function readTexts(
  parts: LaneStateParts,
  topic: string,
  take: (key: string | null, value: string | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const text = (bytes: Uint8Array | null) => bytes && decoder.decode(bytes);
  const records = readRecords(parts, topic, undefined, signal);
  for await (const { key, value } of records) take(text(key), text(value));
  // Reading ends early then, and says nothing.
  signal.throwIfAborted();
}

/** Keys and values of a topic, or of one partition, to its end of this moment. */
export async function* readRecords(
  { library, admin, consumer }: LaneStateParts,
  topic: string,
  only: number | undefined,
  signal: AbortSignal,
) {
  const what = { only, timeoutMs: ATTEMPT_MS };
  const ranges = await askRepeatedly(
    () => wholeTopic(admin, topic, what),
    REQUEST_MS,
    signal,
    maySettle,
  );
  const batches = readTopic({
    library,
    properties: consumer,
    topic,
    ranges,
    signal,
  });
  for await (const batch of batches) {
    for (let index = 0; index < batch.count; index++) {
      yield { key: batch.key(index), value: batch.value(index) };
    }
  }
}
