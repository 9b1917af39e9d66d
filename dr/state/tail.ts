/**
 * Follows a topic of the state, read_committed and without a group, until a
 * signal aborts. A cluster that is away is waited for.
 */
import {
  Consumer,
  isClientRefused,
  type KafkaError,
  type Library,
  openInbox,
  type PartitionRouter,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { pause, unlessAborted } from "../waits.ts";
import {
  type OnClientEvent,
  readerProperties,
  type StateCluster,
} from "./cluster.ts";
import { asError } from "./errors.ts";
import {
  type LogEnd,
  logEnd,
  PARTITION,
  recordsOf,
  type TopicRecord,
} from "./read_log.ts";

export interface TailOptions {
  readonly library: Library;
  readonly cluster: Pick<StateCluster, "consumer">;
  readonly topic: string;
  readonly signal: AbortSignal;
  readonly onClientEvent: OnClientEvent;
  /** Why reading began anew, for example because there is no such topic yet. */
  readonly onFailure: (error: Error) => void;
}

export interface TailRound {
  readonly records: readonly TopicRecord[];
  /** What lies below, and is committed, was read. */
  readonly position: number;
  /** Nothing lay above it when this was fetched. */
  readonly isAtEnd: boolean;
}

const BATCH_RECORDS = 500;
const WAIT_MS = 100;
const RETRY_MS = 500;

export async function* tailTopic(
  options: TailOptions,
): AsyncGenerator<TailRound> {
  const { onFailure, signal } = options;
  let position = 0;
  while (!signal.aborted) {
    try {
      for await (const round of readOn(options, position)) {
        position = round.position;
        yield round;
      }
    } catch (error) {
      onFailure(asError(error));
    }
    await pause(RETRY_MS, signal);
  }
}

export interface KeptTail {
  /** Resolves once the signal of the options has aborted. */
  readonly ended: Promise<void>;
  /** Resolves when all that is there now was taken. @throws as `logEnd`. */
  readonly reachEnd: (upTo: LogEnd, signal: AbortSignal) => Promise<void>;
}

/** Begins to read. @param take is given each record, in their order */
export function keepTail(
  options: TailOptions & { readonly cluster: StateCluster },
  take: (record: TopicRecord) => void,
): KeptTail {
  const { cluster, topic } = options;
  let reached = 0;
  /** Settles with each round of reading. */
  let round = Promise.withResolvers<void>();
  const read = async () => {
    for await (const { position, records } of tailTopic(options)) {
      records.forEach(take);
      reached = position;
      round.resolve();
      round = Promise.withResolvers();
    }
  };
  return {
    ended: read(),
    async reachEnd(upTo, signal) {
      const end = await logEnd(cluster, topic, upTo, signal);
      while (reached < end) await unlessAborted(round.promise, signal);
    },
  };
}

/** @throws {KafkaError} where a new client may fare better. */
async function* readOn(
  { cluster, library, onClientEvent, signal, topic }: TailOptions,
  start: number,
): AsyncGenerator<TailRound> {
  await using stack = new AsyncDisposableStack();
  const consumer = stack.use(
    new Consumer(library, {
      ...readerProperties(cluster),
      "enable.partition.eof": true,
      "auto.offset.reset": "earliest",
      "isolation.level": "read_committed",
    }),
  );
  const tp = { topic, partition: PARTITION };
  const route = new Route(tp);
  const { inbox, queue } = openInbox(consumer, BATCH_RECORDS, route, stack);
  consumer.forward(tp, queue);
  consumer.assign([{ ...tp, offset: start === 0 ? "earliest" : start }]);
  while (!signal.aborted) {
    const batch = await inbox.wait(BATCH_RECORDS, WAIT_MS);
    if (batch !== null) {
      const records = [...recordsOf(batch)];
      batch.free();
      const isAtEnd = route.takeEnd();
      if (records.length > 0 || isAtEnd) {
        yield { records, position: route.next[0]!, isAtEnd };
      }
    }
    if (route.failure !== null) throw route.failure;
    await serve(consumer, onClientEvent);
  }
}

async function serve(consumer: Consumer, onClientEvent: OnClientEvent) {
  for (;;) {
    const event = await consumer.poll(0);
    if (event === null) return;
    onClientEvent(event, consumer);
    if (event.kind !== "error") continue;
    const { error } = event;
    if (error.fatal || isClientRefused(error.code)) throw error;
  }
}

/** The one partition is lane 0. */
class Route implements PartitionRouter {
  readonly partitions: readonly TopicPartition[];
  readonly next = new Float64Array(1);
  failure: KafkaError | null = null;
  #isAtEnd = false;

  constructor(tp: TopicPartition) {
    this.partitions = [tp];
  }

  laneOf(topic: string, partition: number): number {
    const [tp] = this.partitions;
    return tp!.topic === topic && tp!.partition === partition ? 0 : -1;
  }

  failed(_tp: TopicPartition, error: KafkaError): void {
    if (!error.retriable) this.failure ??= error;
  }

  ended(_lane: number, offset: number): void {
    this.#isAtEnd = true;
    this.next[0] = Math.max(this.next[0]!, offset);
  }

  takeEnd(): boolean {
    const isAtEnd = this.#isAtEnd;
    this.#isAtEnd = false;
    return isAtEnd;
  }
}
