/** The topic of `replay_records.ts`, read. */
import { replayTopic } from "../formats/mod.ts";
import { type LaneStateParts, readRecords } from "../mirror/lane_state.ts";
import type { OffsetRanges } from "../../src/pool/offset_ranges.ts";
import { ReplayLog } from "./replay_records.ts";
import { topicsNow } from "./topic_ids.ts";

type TopicsAdmin = Parameters<typeof topicsNow>[0];

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
 * What replays have written that both clusters have as it was: see
 * `ReplayLog.written`.
 * @throws {KafkaError} where a cluster does not say; the signal's reason.
 */
export async function writtenNow(
  log: ReplayLog,
  admins: { readonly old: TopicsAdmin; readonly active: TopicsAdmin },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, OffsetRanges>> {
  const idsIn = async (admin: TopicsAdmin) => {
    const found = await topicsNow(admin, log.topics(), signal);
    return new Map(Array.from(found, ([name, { topicId }]) => [name, topicId]));
  };
  const [old, active] = await Promise.all([
    idsIn(admins.old),
    idsIn(admins.active),
  ]);
  return log.written({ old, active });
}

/**
 * What a mirror must leave out, because a failback has brought it from the
 * mirror's target to its source; by `topic-partition`.
 * @param parts of the mirror's source, with the mirror's flow
 * @param target of the mirror
 * @throws as `readReplayLog` and `writtenNow`.
 */
export async function readReturned(
  { flow: { source, target: old }, ...reading }: LaneStateParts,
  target: TopicsAdmin,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, OffsetRanges>> {
  const back = { source: old, target: source };
  const log = await readReplayLog({ ...reading, flow: back }, signal);
  return await writtenNow(log, { old: target, active: reading.admin }, signal);
}
