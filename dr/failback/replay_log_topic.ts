/** The topic of `replay_records.ts`, read. */
import { replayTopic } from "../formats/mod.ts";
import {
  type LaneState,
  type LaneStateParts,
  readTexts,
} from "../mirror/lane_state.ts";
import { ReplayLog } from "./replay_records.ts";
import { topicIdsNow, type TopicsAdmin } from "../topics_now.ts";

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
  const topic = replayTopic(parts.flow.source);
  await readTexts(parts, topic, (...each) => log.take(...each), signal);
  return log;
}

/**
 * What the old cluster has of what the active one has: see `ReplayLog.written`
 * and `ReplayLog.kept`.
 * @throws {KafkaError} where a cluster does not say; the signal's reason.
 */
export async function writtenNow(
  log: ReplayLog,
  admins: { readonly old: TopicsAdmin; readonly active: TopicsAdmin },
  signal: AbortSignal,
): Promise<Required<Pick<LaneState, "kept" | "returned">>> {
  const idsIn = (admin: TopicsAdmin) =>
    topicIdsNow(admin, log.topics(), signal);
  const [old, active] = await Promise.all([
    idsIn(admins.old),
    idsIn(admins.active),
  ]);
  const now = { old, active };
  return { returned: log.written(now), kept: log.kept(now) };
}

/**
 * What a mirror must leave out, because a failback has brought it from the
 * mirror's target to its source, or has found it there.
 * @param parts of the mirror's source, with the mirror's flow
 * @param target of the mirror
 * @throws as `readReplayLog` and `writtenNow`.
 */
export async function readReturned(
  { flow: { source, target: old }, ...reading }: LaneStateParts,
  target: TopicsAdmin,
  signal: AbortSignal,
): Promise<Pick<LaneState, "kept" | "returned">> {
  const back = { source: old, target: source };
  const log = await readReplayLog({ ...reading, flow: back }, signal);
  return await writtenNow(log, { old: target, active: reading.admin }, signal);
}
