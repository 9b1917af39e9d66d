/**
 * Ends an era: nobody can mirror in it any more. For each lane, all side by side:
 *
 *     initialise the lane's id       fences its owner, aborts what it has open
 *     write an empty record of the   tells every later owner, before it
 *     next era to the lane's log     initialises the id, that it is over
 *
 * An owner that was fenced and has not read that yet may take the lane back in
 * between; then this does, again, and the owner reads it. Afterwards the id under
 * which positions of groups are set is taken from whoever has it: see
 * `dr/cut/group_writer.ts`.
 */
import { forEachBounded } from "../cut/bounded.ts";
import { type Flow, lanesTopic } from "../formats/mod.ts";
import { groupsTransactionalId, transactionalId } from "../mirror/names.ts";
import { encodeDelta } from "../offset_map/mod.ts";
import type { SenderOptions } from "../sender.ts";
import { inTransactions } from "./transactions.ts";

/** The properties are of the target. */
export interface SealParts extends SenderOptions {
  readonly flow: Flow;
  /** Partitions of the lanes' topic. */
  readonly lanes: number;
}

/** Each has a client of its own while it is sealed. */
const LANES_AT_ONCE = 64;

/**
 * Sealing again changes nothing.
 * @param era the next one
 * @throws {KafkaError} where the target refuses, or does not answer again and
 * again; the signal's reason.
 */
export async function sealLanes(
  parts: SealParts,
  era: number,
  signal: AbortSignal,
): Promise<void> {
  const { flow, lanes } = parts;
  if (lanes === 0) return;
  const first = sealLane(parts, 0, era, signal).then(() =>
    // Whoever takes it back after that reads the seal first.
    inTransactions(parts, groupsTransactionalId(flow), () => [], signal)
  );
  const others = forEachBounded(
    Array.from({ length: lanes - 1 }, (_, at) => at + 1),
    LANES_AT_ONCE,
    (lane) => sealLane(parts, lane, era, signal),
  );
  const ended = await Promise.allSettled([first, others]);
  for (const each of ended) {
    if (each.status === "rejected") throw each.reason;
  }
}

function sealLane(
  parts: SealParts,
  lane: number,
  era: number,
  signal: AbortSignal,
): Promise<void> {
  const seal = {
    topic: lanesTopic(parts.flow.source),
    partition: lane,
    value: encodeDelta(era, []),
  };
  return inTransactions(
    parts,
    transactionalId(parts.flow, lane),
    () => [seal],
    signal,
  );
}
