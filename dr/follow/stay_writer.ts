/**
 * Writes what comes of records, in one transaction with the group's positions,
 * on the cluster of one stay.
 */
import {
  Admin,
  KafkaError,
  type ProducerProperties,
} from "../../src/kafka/mod.ts";
import { readDone } from "../failover/mod.ts";
import { NO_QUEUE_BOUND } from "../outgoing.ts";
import { Sender } from "../sender.ts";
import { unlessAborted } from "../waits.ts";
import type { ActiveCluster, LiveStay } from "./active_cluster.ts";
import type { Endings } from "./endings.ts";
import type { FollowedRecord } from "./records.ts";
import { Results } from "./results.ts";
import type { Handed } from "./stay_readers.ts";
import type { ProcessRecord } from "./types.ts";

export interface StayWriterParts {
  readonly active: ActiveCluster;
  readonly stay: LiveStay;
  readonly group: string;
  /** As `writerProperties` makes them. */
  readonly properties: ProducerProperties;
  /** Of clients that are needed for a moment. */
  readonly endings: Endings;
}

/** As pools have it. */
const COMMIT_MS = 10_000;
const REQUEST_MS = 5_000;
const DEFAULTS = {
  // A batch is sent as a whole.
  "linger.ms": 0,
  ...NO_QUEUE_BOUND,
  // Readers wait so long for one that was killed.
  "transaction.timeout.ms": 10_000,
} as const satisfies ProducerProperties;

/** @param properties of the cluster's producers, and of the processor */
export function writerProperties(
  // Of no use beyond the transaction's own time.
  {
    "message.timeout.ms": _one,
    "delivery.timeout.ms": _other,
    ...properties
  }: ProducerProperties,
  transactionalId: string,
): ProducerProperties {
  return { ...DEFAULTS, ...properties, "transactional.id": transactionalId };
}

export class StayWriter implements AsyncDisposable {
  readonly stay: LiveStay;
  readonly #active: ActiveCluster;
  readonly #sender: Sender;
  readonly #results: Results;
  #isOpen = false;
  #working: Promise<unknown> = Promise.resolve();
  #ended: Promise<void> | null = null;

  private constructor(
    { active, stay }: StayWriterParts,
    sender: Sender,
    results: Results,
  ) {
    this.stay = stay;
    this.#active = active;
    this.#sender = sender;
    this.#results = results;
  }

  /**
   * Takes the transactional id over, which ends what an earlier one left open,
   * and reads what the cluster has already.
   * @throws {KafkaError | ReadError} where the cluster does not answer or
   * refuses; the signal's reason.
   */
  static async open(
    parts: StayWriterParts,
    signal: AbortSignal,
  ): Promise<StayWriter> {
    const { active, endings, properties, stay } = parts;
    signal.throwIfAborted();
    const sender = new Sender({
      library: active.library,
      properties,
      onEvent: (event, client) => active.serve(stay.cluster, event, client),
    });
    const vain = new AbortController();
    const knowing = resultsOf(parts, AbortSignal.any([signal, vain.signal]));
    knowing.catch(() => {}); // awaited below
    try {
      await sender.initTransactions(COMMIT_MS, signal);
      return new StayWriter(parts, sender, await knowing);
    } catch (error) {
      vain.abort(error);
      await knowing.catch(() => {});
      endings.add(stay.cluster, sender[Symbol.asyncDispose]());
      throw error;
    }
  }

  /**
   * Processes records, and commits what comes of them together with their
   * positions. Not to be called while an earlier call works.
   * @throws {ProcessingError} with what `process` throws; {KafkaError};
   * {FollowError} `stale` where records belong to another member; the signal's
   * reason. Whether anything was committed is not known then.
   */
  async commit(
    handed: Handed,
    process: ProcessRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const work = this.#commit(handed, process, signal);
    this.#working = work.catch(() => {});
    await work;
  }

  /** Its transaction did not come to its end: another one has to go on. */
  get isSpent(): boolean {
    return this.#isOpen;
  }

  /** Aborts what is open, where the cluster answers. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #commit(
    { reader, taken }: Handed,
    process: ProcessRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const topicIds = await reader.commits.topicIdsOf(taken, signal);
    const outputs = [];
    let leftOut = 0;
    for (const record of taken.records) {
      signal.throwIfAborted();
      const all = await resultsOfOne(process, record, signal);
      const missing = this.#results.of(originOf(record, topicIds), all);
      leftOut += all.length - missing.length;
      outputs.push(...missing);
    }
    signal.throwIfAborted();
    reader.commits.mustOwn(taken); // it may have taken long
    const { producer } = this.#sender;
    this.#isOpen = true;
    producer.beginTransaction();
    await this.#sender.send(outputs, signal);
    await reader.commits.commitIn(taken, {
      sendOffsets: (member, offsets) =>
        this.#sender.sendOffsets(member, offsets, COMMIT_MS, signal),
      commit: () =>
        this.#sender.serving(producer.commitTransaction(COMMIT_MS), signal),
    });
    this.#isOpen = false;
    if (leftOut === 0) return;
    const { cluster } = this.stay;
    this.#active.tell({ kind: "leftOut", cluster, records: leftOut });
  }

  async #end(): Promise<void> {
    await this.#working;
    if (this.#isOpen) await this.#abort();
    await this.#sender[Symbol.asyncDispose]();
  }

  /** Else readers wait until the broker does it. */
  async #abort(): Promise<void> {
    const { signal } = new AbortController();
    try {
      await this.#sender.abortTransaction(REQUEST_MS, signal);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
    }
  }
}

/** What an application's own code has thrown. */
export class ProcessingError extends Error {
  override readonly name = "ProcessingError";

  constructor(override readonly cause: unknown) {
    super("a record could not be processed");
  }
}

async function resultsOfOne(
  process: ProcessRecord,
  record: FollowedRecord,
  signal: AbortSignal,
) {
  try {
    return await process(record, signal);
  } catch (error) {
    throw new ProcessingError(error);
  }
}

const originOf = (
  { offset, partition, topic }: FollowedRecord,
  topicIds: ReadonlyMap<string, string>,
) => ({ topic, topicId: topicIds.get(topic)!, partition, offset });

async function resultsOf(
  { active, endings, group, stay: { cluster, era } }: StayWriterParts,
  signal: AbortSignal,
): Promise<Results> {
  const { library } = active;
  const { consumer, kafka } = active.propertiesOf(cluster);
  const admin = new Admin(library, kafka);
  try {
    const timeoutMs = COMMIT_MS;
    const described = admin.describeCluster({ timeoutMs, signal });
    const { clusterId } = await unlessAborted(described, signal);
    if (clusterId === null) throw new Error("the cluster has no id");
    // Named and not joined.
    const reading = { ...consumer, "group.id": group };
    const reached = { library, admin, consumer: reading };
    const done = await readDone(reached, { cluster, era }, group, signal);
    return new Results({ clusterId, group, done });
  } finally {
    endings.add(cluster, admin[Symbol.asyncDispose]());
  }
}
