/** The sinks of both guarantees, and an outbox that reports when a test says so. */
import {
  ErrorCode,
  type Header,
  KafkaError,
  type OnReport,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import { PageView, WorkerPage } from "../../src/pool/page.ts";
import type { Position, RefusedInput } from "../../src/pool/protocol.ts";
import { AcknowledgedSink } from "../../workers/acknowledged_sink.ts";
import { DelayTopics } from "../../workers/delay_topics.ts";
import type { OutboxSinkParts, OutboxUse } from "../../workers/outbox_sink.ts";
import {
  type CoordinatesJob,
  OutputCoordinates,
} from "../../workers/output_coordinates.ts";
import { Settlement } from "../../workers/settlement.ts";
import {
  type TransactionAbortedError,
  TransactionalSink,
} from "../../workers/transactional_sink.ts";
import { batchOf, TOPIC } from "./support_worker_fakes.ts";

/** Its delay is a second. */
export const DELAY_TOPIC = "in.retry.1s";

interface Sent {
  readonly owner: number;
  readonly index: number;
  /** With all of its headers. */
  readonly record: OutputRecord;
}

const DELAY_TOPICS = [{ topic: DELAY_TOPIC, delayMs: 1000 }];
/** What a job says beside what is done. */
export const SAYING = {
  coordinates: {
    clusterId: "cluster",
    topicIds: { [TOPIC]: "input-id", [DELAY_TOPIC]: "delay-id" },
  },
  deadLetterTopic: "dead",
  delayTopics: DELAY_TOPICS,
  groupId: "group",
};
const NOTHING_TO_SAY: CoordinatesJob = {
  ...SAYING,
  coordinates: null,
  done: null,
};

class FakeOutbox implements OutboxUse {
  readonly sent: Sent[] = [];
  readonly #packed: Sent[] = [];
  readonly #onReport: OnReport;
  /** A value that is refused before it is sent. */
  tooLarge: string | undefined;

  constructor(onReport: OnReport) {
    this.#onReport = onReport;
  }

  get pendingRecords(): number {
    return this.sent.length;
  }

  /** Of what waits; one a record. */
  get pendingBytes(): number {
    return this.#packed.length;
  }

  add(
    owner: number,
    index: number,
    record: OutputRecord,
    last: Header | null = null,
  ): void {
    const all = last === null
      ? record
      : { ...record, headers: [...record.headers ?? [], last] };
    this.#packed.push({ owner, index, record: all });
  }

  send(): void {
    let next: Sent | undefined;
    // Who hears that a record was not taken may add another.
    while ((next = this.#packed.shift()) !== undefined) {
      if (next.record.value !== this.tooLarge) {
        this.sent.push(next);
        continue;
      }
      const { messageSizeTooLarge } = ErrorCode;
      this.#onReport(next.owner, next.index, messageSizeTooLarge, true, -1);
    }
  }

  report(code: number = ErrorCode.none, isUnsent = false): void {
    for (const { owner, index } of this.sent.splice(0)) {
      this.#onReport(owner, index, code, isUnsent, -1);
    }
  }

  hurry() {}
  settled() {
    return Promise.resolve();
  }
  collect() {
    return [];
  }
  waitAndCollect() {
    return Promise.resolve([]);
  }
  wake() {}
  [Symbol.dispose]() {}
}

/** What a sink needs, and what it does to it. */
function surroundings(job: CoordinatesJob) {
  const view = new PageView();
  const settlement = new Settlement();
  const failures: KafkaError[] = [];
  const outboxes: FakeOutbox[] = [];
  const parts: OutboxSinkParts = {
    openOutbox(onReport) {
      const outbox = new FakeOutbox(onReport);
      outboxes.push(outbox);
      return outbox;
    },
    errorOf: (code, doing) =>
      new KafkaError(`${doing}: ${code}`, { code, codeName: String(code) }),
    page: new WorkerPage(view.memory),
    settlement,
    place: {
      topic: "dead",
      groupId: "group",
      delayTopics: new DelayTopics(DELAY_TOPICS),
    },
    coordinates: OutputCoordinates.of(job, settlement),
    onRefused: (error) => failures.push(error),
  };
  settlement.own({
    tp: { topic: TOPIC, partition: 0 },
    epoch: 1,
    next: 0,
    beyond: [],
  });
  return { view, settlement, failures, outboxes, parts };
}

export function acknowledged(job = NOTHING_TO_SAY) {
  const { parts, outboxes, ...rest } = surroundings(job);
  const spent: KafkaError[] = [];
  const sink = new AcknowledgedSink({
    ...parts,
    onProducerSpent: (error) => spent.push(error),
  });
  return { ...rest, sink, spent, outbox: outboxes[0]! };
}

export function transactional(
  refused: readonly RefusedInput[] = [],
  job = NOTHING_TO_SAY,
) {
  const { parts, outboxes, ...rest } = surroundings(job);
  const { settlement } = rest;
  const commits: (readonly Position[])[] = [];
  const aborts: TransactionAbortedError[] = [];
  const sink = new TransactionalSink({
    ...parts,
    limits: { intervalMs: 200, mostMs: 5000, records: 10 },
    refused,
    commit: (positions) => commits.push(positions),
    onAborted: (error) => aborts.push(error),
  });
  let offset = 0;
  /** Records with one output each arrive and are handled. */
  const handle = (count: number, outputs = 1) => {
    const ticket = settlement.open(batchOf(
      Array.from({ length: count }, () => ({ lane: 0, offset: offset++ })),
    ));
    for (let index = 0; index < count; index++) {
      for (let output = 0; output < outputs; output++) {
        sink.add(ticket, index, { topic: "out", value: `${index}` });
      }
      settlement.done(ticket, index);
    }
    sink.flush();
    return ticket;
  };
  const nexts = () => commits.map((each) => each.map(({ next }) => next));
  return {
    ...rest,
    sink,
    outbox: outboxes[0]!,
    commits,
    aborts,
    handle,
    nexts,
  };
}
