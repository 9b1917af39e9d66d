/**
 * Ends an era: nobody can mirror in it any more. For each lane, all side by side:
 *
 *     initialise the lane's id       fences its owner, aborts what it has open
 *     write something to the lane's  ends what hangs there (`hanging.ts`): its
 *     log, and abort that            copies were aborted, and what comes next
 *                                    under the id would commit it
 *     write an empty record of the   tells every later owner, before it
 *     next era to the lane's log     initialises the id, that it is over
 *
 * After each of both the log must be stable to its end, or all is done again: the
 * coordinator passes over a log that has no leader just then, also when it ends
 * these. So behind a seal that counts nothing hangs, and the map is whole: what
 * it calls mirrored was committed with the copies.
 *
 * An owner that was fenced and has not read that yet may take the lane back in
 * between; then this does, again, and the owner reads it. Afterwards the id under
 * which positions of groups are set is taken from whoever has it: see
 * `dr/cut/group_writer.ts`.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { forEachBounded } from "../cut/bounded.ts";
import { offsetIn } from "../cut/mod.ts";
import { latestOffsets, type OffsetsAdmin } from "../cut/requests.ts";
import { type Flow, lanesTopic } from "../formats/mod.ts";
import { groupsTransactionalId, transactionalId } from "../mirror/names.ts";
import { encodeDelta } from "../offset_map/mod.ts";
import { FailoverError } from "./errors.ts";
import type { SenderOptions } from "../sender.ts";
import { pause } from "../waits.ts";
import {
  AgainError,
  inTransactions,
  transact,
  underId,
} from "./transactions.ts";

/** The properties are of the target, and so is the client. */
export interface SealParts extends SenderOptions {
  readonly admin: OffsetsAdmin;
  readonly flow: Flow;
  /** Partitions of the lanes' topic. */
  readonly lanes: number;
}

/** Each has a client of its own while it is sealed. */
const LANES_AT_ONCE = 64;
const STABLE_MS = 3_000;
const LOOK_MS = 2;

/**
 * Sealing again changes nothing.
 * @param era the next one
 * @throws {FailoverError} where a lane's log cannot be read to its end.
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
    if (each.status === "fulfilled") continue;
    const { reason } = each;
    if (!(reason instanceof AgainError)) throw reason;
    throw new FailoverError("failed", reason.message, { cause: reason });
  }
}

function sealLane(
  parts: SealParts,
  lane: number,
  era: number,
  signal: AbortSignal,
): Promise<void> {
  const { admin, flow } = parts;
  const log = { topic: lanesTopic(flow.source), partition: lane };
  const seal = { ...log, value: encodeDelta(era, []) };
  return underId(parts, transactionalId(flow, lane), async (sender) => {
    for (const end of ["abort", "commit"] as const) {
      await transact(sender, [seal], end, signal);
      await stable(admin, log, signal);
    }
  }, signal);
}

/**
 * Markers come a little later than the answer.
 * @throws {AgainError} where something stays open, or the log has no leader.
 */
async function stable(
  admin: OffsetsAdmin,
  log: TopicPartition,
  signal: AbortSignal,
): Promise<void> {
  const latest = async (isStable: boolean) =>
    offsetIn(
      await latestOffsets(admin, [log], isStable, STABLE_MS, signal),
      log,
    );
  const deadlineMs = performance.now() + STABLE_MS;
  const end = await latest(false);
  while (end === null || (await latest(true) ?? 0) < end) {
    if (end === null || performance.now() > deadlineMs) {
      throw new AgainError(
        `${log.topic} [${log.partition}] cannot be read to its end: see that ` +
          "it has a leader",
      );
    }
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}
