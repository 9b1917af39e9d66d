import assert from "node:assert/strict";
import { ErrorCode } from "../../src/kafka/mod.ts";
import { fakeClock } from "./support_clock.ts";
import { transactional } from "./support_sinks.ts";
import { batchOf } from "./support_worker_fakes.ts";

Deno.test("a transaction asks for its commit when it is long enough and all is acknowledged", async () => {
  using clock = fakeClock();
  const it = transactional();
  it.handle(1);
  it.sink.settle(false, true);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[1]], "the first one does not wait");
  it.sink.committed();
  it.commits.length = 0;
  it.handle(3);
  it.sink.settle(false, true);
  await clock.tick(199);
  it.sink.settle(false, true);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.commits, []);
  await clock.tick(1);
  it.handle(2);
  it.sink.settle(false, true);
  assert.deepEqual(it.commits, [], "two are not acknowledged");
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[6]]);
});

Deno.test("where there is more to do, a transaction lasts five times as long as the last commit took", async () => {
  using clock = fakeClock();
  const it = transactional();
  const settle = (isDrained: boolean) => {
    it.sink.settle(false, isDrained);
    it.outbox.report();
    it.sink.collect();
  };
  it.handle(1);
  it.sink.settle(true, false);
  it.outbox.report();
  it.sink.collect();
  await clock.tick(100);
  it.sink.committed();
  it.handle(1);
  await clock.tick(499);
  settle(false);
  assert.equal(it.commits.length, 1);
  await clock.tick(1);
  settle(false);
  assert.equal(it.commits.length, 2);
  await clock.tick(100);
  it.sink.committed();
  it.handle(1);
  await clock.tick(200);
  settle(true);
  assert.equal(it.commits.length, 3);
});

Deno.test("enough outputs end a transaction early, and so does haste", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(10);
  it.sink.settle(false, true);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[10]]);
  it.sink.committed();
  it.handle(1);
  it.sink.settle(false, true);
  it.outbox.report();
  it.sink.collect();
  assert.equal(it.commits.length, 1);
  it.sink.settle(true, true);
  assert.deepEqual(it.nexts(), [[10], [11]]);
});

Deno.test("what is added while a transaction ends belongs to the next one", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.handle(1);
  it.sink.settle(true, true);
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
  it.sink.settle(true, true);
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
  it.sink.settle(true, true);
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
  it.sink.settle(true, true);
  assert.deepEqual(it.commits, []);
  it.handle(2, 0);
  it.sink.settle(true, true);
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
  it.sink.settle(true, true);
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
  it.sink.settle(true, true);
  assert.deepEqual(it.aborts, []);
  assert.deepEqual(it.nexts(), [[1]]);
});

Deno.test("what is refused when a transaction ends does not part the outputs of its input", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.outbox.tooLarge = "large";
  const ticket = it.settlement.open(batchOf([{ lane: 0, offset: 0 }]));
  for (const value of ["small", "large"]) {
    it.sink.add(ticket, 0, { topic: "out", value });
  }
  it.settlement.done(ticket, 0);
  it.sink.settle(true, true);
  const topics = it.outbox.sent.map(({ record }) => record.topic);
  assert.deepEqual(topics, ["out", "dead"]);
  it.outbox.report();
  it.sink.collect();
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
  it.sink.settle(true, true);
  const refused = it.aborts[0]!.refused;
  assert.equal(refused[0]?.withValue, false);

  const next = transactional(refused);
  const again = next.settlement.open(batchOf([{ lane: 0, offset: 0 }]));
  next.sink.reject(again, 0, "bad");
  next.sink.flush();
  assert.equal(next.outbox.sent[0]?.record.value, null);
});
