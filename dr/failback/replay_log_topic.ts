/** The topic of `replay_records.ts`, read. */
import { replayTopic } from "../formats/mod.ts";
import { type LaneStateParts, readRecords } from "../mirror/lane_state.ts";
import type { OffsetRanges } from "../../src/pool/offset_ranges.ts";
import { ReplayLog } from "./replay_records.ts";

/**
 * What it says now; nothing where there is none.
 * @param parts of the cluster that the tail was brought to; `flow.source` is the
 * one that it came from.
 * @throws {KafkaError | ReadError} where that does not answer; the signal's
 * reason.
 */
export async function readReplayLog(
  parts: LaneStateParts,
  signal: AbortSignal,
): Promise<ReplayLog> {
  const log = new ReplayLog();
  const decoder = new TextDecoder();
  const text = (bytes: Uint8Array | null) => bytes && decoder.decode(bytes);
  const topic = replayTopic(parts.flow.source);
  const records = readRecords(parts, topic, undefined, signal);
  for await (const { key, value } of records) log.take(text(key), text(value));
  // Reading ends early then, and says nothing.
  signal.throwIfAborted();
  return log;
}

/**
 * What a mirror must leave out, because a failback has brought it from the
 * mirror's target to its source; by `topic-partition`.
 * @param parts of the mirror's source, with the mirror's flow
 * @throws as `readReplayLog`.
 */
export async function readReturned(
  { flow: { source, target }, ...reading }: LaneStateParts,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, OffsetRanges>> {
  const back = { source: target, target: source };
  return (await readReplayLog({ ...reading, flow: back }, signal)).written();
}
