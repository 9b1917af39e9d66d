/** The topic of `done_records.ts`, read and written. */
import type {
  Admin,
  ConsumerProperties,
  Library,
} from "../../src/kafka/mod.ts";
import type { DoneOutputs } from "../../src/pool/done_outputs.ts";
import { ensureCompacted } from "../cut/ensure_topics.ts";
import { doneTopic, type Flow, NAMESPACE } from "../formats/mod.ts";
import { readTexts } from "../mirror/lane_state.ts";
import type { SenderOptions } from "../sender.ts";
import { type ClusterName, other } from "../state/types.ts";
import { DoneLog, doneRecords, type EraOutputs } from "./done_records.ts";
import { inTransactions } from "./transactions.ts";

export interface DoneTopicParts {
  readonly library: Library;
  readonly flow: Flow;
  /** Both of the target. */
  readonly admin: Admin;
  readonly consumer: ConsumerProperties;
}

const REQUEST_MS = 5_000;
const FIRST_ERA = 0;

/** One at a time writes; whoever begins later fences who began before. */
const transactionalId = ({ source, target }: Flow) =>
  `${NAMESPACE}-${source}-${target}-failover`;

/**
 * What the topic says now; nothing where there is none.
 * @throws {KafkaError | ReadError} where the target does not answer; the
 * signal's reason.
 */
export async function readDoneLog(
  parts: DoneTopicParts,
  signal: AbortSignal,
): Promise<DoneLog> {
  const log = new DoneLog();
  const topic = doneTopic(parts.flow.source);
  await readTexts(parts, topic, (...each) => log.take(...each), signal);
  return log;
}

/**
 * What an era's promotion has found to be done of a group, on the cluster that
 * was promoted; null: nothing.
 * @throws as `readDoneLog`.
 */
export async function readDone(
  parts: Omit<DoneTopicParts, "flow">,
  { cluster, era }: { readonly cluster: ClusterName; readonly era: number },
  group: string,
  signal: AbortSignal,
): Promise<DoneOutputs | null> {
  if (era === FIRST_ERA) return null; // nothing was promoted yet
  const flow = { source: other(cluster), target: cluster };
  const newest = (await readDoneLog({ ...parts, flow }, signal)).newest();
  // A promotion that found nothing says so, too; others leave no such record.
  if (newest?.era !== era) return null;
  return newest.done.filter((each) => each.group === group);
}

/**
 * Writes all that was found, in one transaction; what was written of the era
 * before, and what is done of eras before, goes with it.
 * @param writing of the target
 * @param outputs asked for when nobody else can write any more
 * @throws as `inTransactions`, and as `readDoneLog`.
 */
export async function writeDone(
  parts: DoneTopicParts & { readonly replicationFactor: number },
  writing: SenderOptions,
  outputs: () => Promise<EraOutputs>,
  signal: AbortSignal,
): Promise<void> {
  const { flow } = parts;
  const topic = doneTopic(flow.source);
  const own = { ...parts, topics: [topic], timeoutMs: REQUEST_MS };
  await ensureCompacted(own, signal);
  const records = async () => {
    const found = await outputs();
    const log = await readDoneLog(parts, signal);
    const written = doneRecords(found);
    const deleted = log.stale(written, found.era)
      .map((key) => ({ key, value: null }));
    return [...written, ...deleted]
      .map((each) => ({ ...each, topic, partition: 0 }));
  };
  await inTransactions(writing, transactionalId(flow), records, signal);
}
