/** Asks the clusters what can be said of records that MirrorMaker 2 has mirrored. */
import type {
  Admin,
  ConsumerProperties,
  Library,
  TopicPartition,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import {
  addSync,
  decodeOffsetSync,
  type Flow,
  FormatError,
  type ReplicationPolicy,
  type SyncPlaces,
} from "../formats/mod.ts";
import type { Run } from "../offset_map/mod.ts";
import { readRecords } from "./lane_state.ts";
import { type Stretch, stretchRuns } from "./stretch.ts";

export interface StretchesParts {
  /** Of the target. */
  readonly admin: Pick<Admin, "partitions">;
  /** Keys and values of MirrorMaker 2's offset syncs, to the end of this moment. */
  readonly readSyncs: (signal: AbortSignal) => AsyncIterable<{
    readonly key: Uint8Array | null;
    readonly value: Uint8Array | null;
  }>;
  readonly log: Log;
}

export interface DescriberOptions {
  readonly library: Library;
  readonly flow: Flow;
  readonly policy: ReplicationPolicy;
  readonly source: { readonly consumer: ConsumerProperties };
  readonly sourceAdmin: Admin;
  readonly targetAdmin: Admin;
  readonly log: Log;
}

const REQUEST_MS = 10_000;
/** Of one take-over: all of them stand in one record of the lane's log. */
const MOST_SYNCS = 20_000;

/** `describeStretches` with the syncs of the source, where MirrorMaker 2 has them. */
export function describerOf(options: DescriberOptions) {
  const { flow, library, log, policy, source, sourceAdmin: admin } = options;
  const reading = { library, flow, consumer: source.consumer, admin };
  const topic = policy.offsetSyncsTopic(flow.target);
  const parts: StretchesParts = {
    admin: options.targetAdmin,
    readSyncs: (signal) => readRecords(reading, topic, undefined, signal),
    log,
  };
  return (stretches: readonly Stretch[], signal: AbortSignal) =>
    describeStretches(parts, stretches, signal);
}

/**
 * For each stretch, in their order, what the lane's log is to say of it. To be
 * called by the lane's owner before anything of it follows on the target.
 * @throws {KafkaError} where the target does not answer. Without offset syncs
 * less is known.
 */
export async function describeStretches(
  { admin, log, readSyncs }: StretchesParts,
  stretches: readonly Stretch[],
  signal: AbortSignal,
): Promise<Run[][]> {
  if (stretches.length === 0) return [];
  const ends = await admin.partitions.offsets(
    stretches.map(({ target: topic, partition }) => ({
      topic,
      partition,
      at: "latest",
    })),
    { timeoutMs: REQUEST_MS, signal },
  );
  const failed = ends.find(({ error }) => error !== null)?.error;
  if (failed) throw failed;
  const endOf = new Map(ends.map((each) => [keyOf(each), each.offset ?? 0]));
  const syncs = await syncsOf(stretches, readSyncs, log, signal);
  const most = Math.floor(MOST_SYNCS / stretches.length);
  log.info("partitions are taken over from MirrorMaker 2", {
    partitions: stretches.length,
    withOffsetSyncs: syncs.size,
  });
  return stretches.map((stretch) => {
    const { partition, target } = stretch;
    const end = endOf.get(keyOf({ topic: target, partition })) ?? 0;
    return stretchRuns(stretch, end, syncs.get(keyOf(stretch)) ?? null, most);
  });
}

/** By partition of the source; empty where they cannot be read. */
async function syncsOf(
  stretches: readonly Stretch[],
  readSyncs: StretchesParts["readSyncs"],
  log: Log,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SyncPlaces>> {
  const wanted = new Set(stretches.map(keyOf));
  const syncs = new Map<string, SyncPlaces>();
  try {
    for await (const { key, value } of readSyncs(signal)) {
      const sync = syncIn(key, value);
      if (sync === null) continue;
      const id = keyOf(sync);
      if (!wanted.has(id)) continue;
      const { downstream, upstream } = sync;
      syncs.set(id, addSync(syncs.get(id) ?? null, { upstream, downstream }));
    }
  } catch (error) {
    signal.throwIfAborted();
    log.warn("MirrorMaker 2's offset syncs cannot be read", { error });
    syncs.clear();
  }
  return syncs;
}

function syncIn(key: Uint8Array | null, value: Uint8Array | null) {
  try {
    return decodeOffsetSync(key, value);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
