import assert from "node:assert/strict";
import {
  ErrorCode,
  KafkaError,
  type OnReport,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import { PageView, WorkerPage } from "../../src/pool/page.ts";
import type { Position, RefusedInput } from "../../src/pool/protocol.ts";
import type { OutboxUse } from "../../workers/outbox_sink.ts";
import { Settlement } from "../../workers/settlement.ts";
import {
  type TransactionAbortedError,
  TransactionalSink,
} from "../../workers/transactional_sink.ts";
import { fakeClock } from "./support_clock.ts";
import { batchOf, TOPIC } from "./support_worker_fakes.ts";

interface Sent {
  readonly owner: number;
  readonly index: number;
  readonly record: OutputRecord;
}

/** Reports on what it was given when the test says so. */
class FakeOutbox implements OutboxUse {
  readonly sent: Sent[] = [];
  readonly #packed: Sent[] = [];
  readonly #onReport: OnReport;
  pendingBytes = 0;

  constructor(onReport: OnReport) {
    this.#onReport = onReport;
  }

  get pendingRecords(): number {
    return this.sent.length;
  }

  add(owner: number, index: number, record: OutputRecord): void {
    this.#packed.push({ owner, index, record });
  }

  send(): void {
    this.sent.push(...this.#packed.splice(0));
  }

  report(code: number = ErrorCode.none, isUnsent = false): void {
    for (const { owner, index } of this.sent.splice(0)) {
      this.#onReport(owner, index, code, isUnsent);
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

function transactional(refused: readonly RefusedInput[] = []) {
  const view = new PageView();
  const settlement = new Settlement();
  const commits: (readonly Position[])[] = [];
  const aborts: TransactionAbortedError[] = [];
  const failures: KafkaError[] = [];
  let outbox!: FakeOutbox;
  const sink = new TransactionalSink({
    openOutbox: (onReport) => outbox = new FakeOutbox(onReport),
    errorOf: (code, doing) =>
      new KafkaError(`${doing}: ${code}`, { code, codeName: String(code) }),
    page: new WorkerPage(view.memory),
    settlement,
    place: { topic: "dead", groupId: "group" },
    onRefused: (error) => failures.push(error),
    limits: { intervalMs: 200, records: 10 },
    refused,
    commit: (positions) => commits.push(positions),
    onAborted: (error) => aborts.push(error),
  });
  settlement.own({
    tp: { topic: TOPIC, partition: 0 },
    epoch: 1,
    next: 0,
    beyond: [],
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
    view,
    settlement,
    sink,
    commits,
    aborts,
    failures,
    outbox,
    handle,
    nexts,
  };
}

Deno.test("a transaction asks for its commit when it is long enough and all is acknowledged", async () => {
  using clock = fakeClock();
  const it = transactional();
  it.handle(3);
  it.sink.settle(false);
  await clock.tick(199);
  it.sink.settle(false);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.commits, []);
  await clock.tick(1);
  it.handle(2);
  it.sink.settle(false);
  assert.deepEqual(it.commits, [], "two are not acknowledged");
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[5]]);
});

Deno.test("enough outputs end a transaction early, and so does haste", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(10);
  it.sink.settle(false);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[10]]);
  it.sink.committed();
  it.handle(1);
  it.sink.settle(false);
  it.outbox.report();
  it.sink.collect();
  assert.equal(it.commits.length, 1);
  it.sink.settle(true);
  assert.deepEqual(it.nexts(), [[10], [11]]);
});

Deno.test("what is added while a transaction ends belongs to the next one", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(1);
  it.sink.settle(true);
  it.handle(4);
  assert.equal(it.outbox.sent.length, 1);
  assert.ok(it.sink.pendingBytes > 0);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[1]]);
  it.handle(1);
  assert.equal(it.outbox.sent.length, 0, "nothing is produced meanwhile");
  it.sink.committed();
  assert.equal(it.outbox.sent.length, 5);
  assert.equal(it.sink.pendingBytes, 0);
  it.sink.settle(true);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[1], [6]]);
});

Deno.test("nothing counts before it is committed", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(3);
  it.settlement.release(0);
  it.outbox.report();
  it.sink.settle(true);
  assert.equal(it.sink.idle, false);
  assert.equal(it.view.counter("consumed"), 0);
  assert.equal(it.view.counter("produced"), 0);
  assert.deepEqual(it.settlement.takeReleased(), []);
  it.sink.committed();
  assert.equal(it.sink.idle, true);
  assert.equal(it.view.counter("consumed"), 3);
  assert.equal(it.view.counter("produced"), 3);
  const [released] = it.settlement.takeReleased();
  assert.equal(released?.position.next, 3);
});

Deno.test("an input without outputs is committed too, and without any there is no commit", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.sink.settle(true);
  assert.deepEqual(it.commits, []);
  it.handle(2, 0);
  it.sink.settle(true);
  assert.deepEqual(it.nexts(), [[2]]);
});

Deno.test("an output that cannot be delivered makes the transaction void", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(2);
  it.outbox.report(ErrorCode.messageTimedOut);
  assert.equal(it.aborts.length, 2);
  assert.deepEqual(it.aborts[0]!.refused, []);
  assert.deepEqual(it.failures, []);
});

Deno.test("an output that brokers refuse is told, and is a dead letter in the next attempt", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(1);
  it.outbox.report(ErrorCode.invalidRecord);
  it.sink.settle(true);
  assert.deepEqual(it.commits, []);
  const [abort] = it.aborts;
  assert.deepEqual(
    abort?.refused.map(({ offset, withValue }) => [offset, withValue]),
    [[0, true]],
  );

  const next = transactional(abort!.refused);
  next.handle(2);
  assert.deepEqual(next.outbox.sent.map(({ record }) => record.topic).sort(), [
    "dead",
    "out",
  ]);
});

Deno.test("an output that never left becomes a dead letter of the same transaction", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(1);
  it.outbox.report(ErrorCode.messageSizeTooLarge, true);
  it.sink.flush();
  assert.deepEqual(it.outbox.sent.map(({ record }) => record.topic), ["dead"]);
  it.outbox.report();
  it.sink.settle(true);
  assert.deepEqual(it.aborts, []);
  assert.deepEqual(it.nexts(), [[1]]);
});

Deno.test("where brokers refuse a dead letter, the next attempt leaves out its value", () => {
  using _clock = fakeClock();
  const it = transactional();
  const ticket = it.settlement.open(batchOf([{ lane: 0, offset: 0 }]));
  it.sink.reject(ticket, 0, "bad");
  it.settlement.done(ticket, 0);
  it.sink.flush();
  it.outbox.report(ErrorCode.messageSizeTooLarge);
  it.sink.settle(true);
  const refused = it.aborts[0]!.refused;
  assert.equal(refused[0]?.withValue, false);

  const next = transactional(refused);
  const again = next.settlement.open(batchOf([{ lane: 0, offset: 0 }]));
  next.sink.reject(again, 0, "bad");
  next.sink.flush();
  assert.equal(next.outbox.sent[0]?.record.value, null);
});
