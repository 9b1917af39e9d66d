/**
 * The era of a lane's log. A promotion of the target ends the eras before it, in
 * each lane by a record of the next one that says nothing else (dr/failover).
 * Whoever mirrors in an era that has ended stops, and does not even initialise
 * the lane's id: that would fence who is sealing.
 */
import { readTopic } from "../../src/kafka/mod.ts";
import { lanesTopic } from "../formats/mod.ts";
import { decodeLaneRecord } from "../offset_map/mod.ts";
import type { LaneStateParts } from "./lane_state.ts";

/** The lane's log belongs to a later era: nothing of it is to be mirrored. */
export class LaneSealedError extends Error {
  override readonly name = "LaneSealedError";

  constructor(lane: number, era: number, ours: number) {
    super(`lane ${lane} is sealed: era ${era} has begun after era ${ours}`);
  }
}

/** Behind the seal there can be no more than what owners have aborted. */
const TAIL_OFFSETS = 1_000;
const REQUEST_MS = 10_000;
const FETCH_WAIT_MS = 20;

/**
 * The highest era that the end of the log names, of what is committed now; 0
 * where it is empty. Nothing is waited for, so it may be out of date: the log is
 * read again by whoever has initialised the id.
 * @throws {KafkaError | ReadError} where the target does not answer.
 */
export async function readLaneEra(
  { admin, consumer, flow, library }: LaneStateParts,
  lane: number,
  signal: AbortSignal,
): Promise<number> {
  const topic = lanesTopic(flow.source);
  const offset = async (at: "earliest" | "latest") => {
    const [answer] = await admin.partitions.offsets(
      [{ topic, partition: lane, at }],
      { timeoutMs: REQUEST_MS, readCommitted: true, signal },
    );
    if (answer!.error !== null) throw answer!.error;
    return answer!.offset ?? 0;
  };
  const end = await offset("latest");
  const start = Math.max(await offset("earliest"), end - TAIL_OFFSETS);
  let era = 0;
  if (start >= end) return era;
  const batches = readTopic({
    library,
    // Behind the last record there is a marker: its end would be waited for.
    properties: { ...consumer, "fetch.wait.max.ms": FETCH_WAIT_MS },
    topic,
    ranges: [{ partition: lane, start, end }],
    signal,
  });
  for await (const batch of batches) {
    for (let index = 0; index < batch.count; index++) {
      const value = batch.value(index);
      if (value !== null) era = Math.max(era, decodeLaneRecord(value).era);
    }
  }
  signal.throwIfAborted();
  return era;
}
