/** The topic of `done_records.ts`, read and written. */
import type {
  Admin,
  ConsumerProperties,
  Library,
} from "../../src/kafka/mod.ts";
import { ensureCompacted } from "../cut/ensure_topics.ts";
import { doneTopic, type Flow, NAMESPACE } from "../formats/mod.ts";
import { readTexts } from "../mirror/lane_state.ts";
import type { SenderOptions } from "../sender.ts";
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
