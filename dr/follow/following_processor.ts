/**
 * Makes results of a group's records exactly once, on whichever cluster is in
 * use, in transactions with the group's positions.
 */
import {
  ErrorCode,
  isClientRefused,
  isFencedMember,
  isProducerSpent,
  isRecordRefused,
  KafkaError,
  Producer,
  type ProducerProperties,
  ReadError,
} from "../../src/kafka/mod.ts";
import { mayTransactAnew } from "../sender.ts";
import { asError } from "../state/errors.ts";
import type { ClusterName } from "../state/types.ts";
import { patienceAfter, pause } from "../waits.ts";
import type { ActiveCluster, LiveStay } from "./active_cluster.ts";
import type { Endings } from "./endings.ts";
import { FollowError, isStale } from "./errors.ts";
import {
  type FollowingConsumerOptions,
  type Handed,
  StayReaders,
} from "./stay_readers.ts";
import {
  ProcessingError,
  StayWriter,
  writerProperties,
} from "./stay_writer.ts";
import type { ProcessRecord } from "./types.ts";

export interface FollowingProcessorOptions extends FollowingConsumerOptions {
  /**
   * Of this processor alone, the same after a restart: whoever begins with it
   * ends what an earlier one has left open.
   */
  readonly transactionalId: string;
  /** Of its producer on both clusters; they go before the clusters' own. */
  readonly producerProperties?: ProducerProperties;
}

/** For the batch in hand when the end was wished for. */
const LAST_COMMIT_MS = 5_000;
const AGAIN_MS = 200;

export class FollowingProcessor implements AsyncDisposable {
  readonly #active: ActiveCluster;
  readonly #options: FollowingProcessorOptions;
  readonly #readers: StayReaders;
  readonly #endings: Endings;
  readonly #closed = new AbortController();
  #writer: StayWriter | null = null;
  #opening: Promise<void> = Promise.resolve();
  /** What was taken last, until it is committed or to be read again. */
  #unfinished: Handed | null = null;
  #isRunning = false;

  /**
   * Joins the group.
   * @throws as a FollowingConsumer.
   */
  constructor(active: ActiveCluster, options: FollowingProcessorOptions) {
    this.#active = active;
    this.#options = options;
    this.#endings = active.newEndings("producer");
    this.#endings.tryOut((cluster) =>
      new Producer(active.library, this.#propertiesOf(cluster))
    );
    const { properties } = options;
    this.#readers = new StayReaders(active, {
      ...options,
      // What was aborted must not be read, neither records nor positions.
      properties: { ...properties, "isolation.level": "read_committed" },
    }, {
      // Before the group is joined: what is open holds back its positions.
      open: async (stay) => {
        await this.#open(
          stay,
          AbortSignal.any([stay.signal, this.#closed.signal]),
        );
      },
      close: () => this.#leave(),
    });
  }

  /**
   * Processes record by record, and commits the results of each batch together
   * with the group's positions, until the signal aborts or this is disposed of.
   * A batch that does not come to that, for example because its cluster was left,
   * is read again; its results were never there.
   * @throws {TypeError} while an earlier call goes on; what `process` throws;
   * {KafkaError} where the cluster refuses results, or cannot be read. Nothing of
   * the batch is committed then, and another `run` begins with it.
   */
  async run(process: ProcessRecord, signal: AbortSignal): Promise<void> {
    if (this.#isRunning) throw new TypeError("an earlier run goes on");
    this.#isRunning = true;
    using patience = patienceAfter(signal, LAST_COMMIT_MS);
    try {
      while (!this.#readers.isClosed && !signal.aborted) {
        await this.#runOne(process, signal, patience.signal);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Waits for a cluster that is dead no longer than `endMs`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed.signal.aborted) {
      this.#closed.abort(
        new FollowError("closed", "this processor was closed"),
      );
    }
    const left = this.#readers[Symbol.asyncDispose]();
    await this.#opening; // what it opened may have to end
    await Promise.all([left, this.#endings.all()]);
  }

  async #runOne(
    process: ProcessRecord,
    signal: AbortSignal,
    patience: AbortSignal,
  ): Promise<void> {
    let handed: Handed;
    try {
      if (this.#unfinished !== null) await this.#goBack(signal);
      handed = await this.#readers.take(signal);
    } catch (error) {
      if (this.#readers.isClosed || signal.aborted) return;
      throw error;
    }
    const { reader: { stay } } = handed;
    const writer = this.#writer;
    if (writer === null) return; // left since
    const over = AbortSignal.any([
      stay.signal,
      this.#closed.signal,
      patience,
    ]);
    this.#unfinished = handed;
    try {
      await writer.commit(handed, process, over);
      this.#unfinished = null;
    } catch (error) {
      handed.reader.letGo(handed.taken);
      if (writer.isSpent && this.#writer === writer) this.#leave();
      if (over.aborted) return;
      if (error instanceof ProcessingError) throw error.cause;
      if (!mayPass(error)) throw error;
      this.#tellRefused(stay, error);
      await pause(AGAIN_MS, over);
    }
  }

  /** What was taken and did not come to its commit is to be read again. */
  async #goBack(signal: AbortSignal): Promise<void> {
    const { reader, taken } = this.#unfinished!;
    const { stay } = reader;
    const over = AbortSignal.any([stay.signal, this.#closed.signal, signal]);
    try {
      // Before positions are asked for: what is open holds them back.
      if (!over.aborted && this.#writer === null) await this.#open(stay, over);
      await reader.rewind(taken, over);
    } catch (error) {
      if (!stay.signal.aborted) throw error;
    }
    this.#unfinished = null;
  }

  #open(stay: LiveStay, over: AbortSignal): Promise<StayWriter> {
    const opening = this.#openAtLast(stay, over);
    this.#opening = opening.then(() => {}, () => {});
    return opening;
  }

  /** Again and again until it is done. @throws where that is vain, or over. */
  async #openAtLast(stay: LiveStay, over: AbortSignal): Promise<StayWriter> {
    await this.#endings.of(stay.cluster);
    const { group } = this.#options;
    for (;;) {
      try {
        const writer = await StayWriter.open({
          active: this.#active,
          stay,
          group,
          properties: this.#propertiesOf(stay.cluster),
          endings: this.#endings,
        }, over);
        this.#writer = writer;
        if (!over.aborted) return writer;
        this.#leave();
        throw over.reason;
      } catch (error) {
        over.throwIfAborted();
        if (!mayPass(error)) throw error;
        this.#tellRefused(stay, error);
        await pause(AGAIN_MS, over);
      }
    }
  }

  #tellRefused({ cluster }: LiveStay, error: unknown): void {
    const reason = asError(error).message;
    this.#active.tell({ kind: "refused", cluster, reason });
  }

  #leave(): void {
    const writer = this.#writer;
    this.#writer = null;
    if (writer === null) return;
    this.#endings.add(writer.stay.cluster, writer[Symbol.asyncDispose]());
  }

  #propertiesOf(cluster: ClusterName): ProducerProperties {
    const { producerProperties, transactionalId } = this.#options;
    const { producer } = this.#active.propertiesOf(cluster);
    return writerProperties(
      { ...producer, ...producerProperties },
      transactionalId,
    );
  }
}

/** Whether the same may fare better from the beginning. */
function mayPass(error: unknown): boolean {
  if (isStale(error) || error instanceof ReadError) return true;
  if (!(error instanceof KafkaError)) return false;
  const { abortable, code, fatal } = error;
  if (isClientRefused(code) || isRecordRefused(code)) return false;
  return mayTransactAnew(error) || abortable || fatal ||
    isFencedMember(code) || isProducerSpent(code) ||
    code === ErrorCode.messageTimedOut;
}
