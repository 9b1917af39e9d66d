import assert from "node:assert/strict";
import { ErrorCode, type OutputRecord } from "../../src/kafka/mod.ts";
import { fakeClock } from "./support_clock.ts";
import { acknowledged, DELAY_TOPIC, transactional } from "./support_sinks.ts";
import { batchOf } from "./support_worker_fakes.ts";

const failure = { attempts: 2, firstMs: 1_700_000_000_123 };
const postponement = { delayMs: 1000, failure, reason: "down" };

/** The first record is done at once, the second is postponed. */
function fail({ settlement, sink }: Pick<
  ReturnType<typeof acknowledged | typeof transactional>,
  "settlement" | "sink"
>) {
  const ticket = settlement.open(
    batchOf([{ lane: 0, offset: 0 }, { lane: 0, offset: 1, value: "v" }]),
  );
  settlement.done(ticket, 0);
  sink.postpone(ticket, 1, postponement);
  settlement.done(ticket, 1);
  sink.flush();
}

const header = ({ headers = [] }: OutputRecord, name: string) =>
  headers.filter(({ key }) => key === `switchyard.${name}`)
    .map(({ value }) => value);

function assertLetter(record: OutputRecord | undefined): void {
  assert.equal(record?.topic, "dead");
  assert.deepEqual(record.value, new TextEncoder().encode("v"));
  assert.deepEqual(header(record, "reason"), ["down"]);
  assert.deepEqual(header(record, "attempts"), ["2"]);
}

const countsOf = (
  { view }: Pick<ReturnType<typeof acknowledged>, "view">,
) =>
  (["consumed", "produced", "deadLettered", "retried"] as const)
    .map((name) => view.counter(name));

Deno.test("a postponed record is done when its delay topic has it, and is consumed only with its last attempt", () => {
  const it = acknowledged();
  fail(it);
  assert.deepEqual(it.outbox.sent.map(({ record }) => record.topic), [
    DELAY_TOPIC,
  ]);
  assert.equal(it.settlement.idle, false);
  it.outbox.report();
  assert.equal(it.settlement.idle, true);
  assert.deepEqual(it.sink.takeChanged(false, false).map(({ next }) => next), [
    2,
  ]);
  it.sink.publish();
  assert.deepEqual(countsOf(it), [1, 0, 0, 1]);
});

Deno.test("where the cluster refuses a postponed record it is a dead letter, with what made it fail", () => {
  const it = acknowledged();
  fail(it);
  it.outbox.report(ErrorCode.messageSizeTooLarge);
  it.sink.flush();
  assertLetter(it.outbox.sent[0]?.record);
  it.outbox.report();
  it.sink.publish();
  assert.deepEqual(countsOf(it), [2, 0, 1, 0]);
  assert.deepEqual(it.failures, []);
});

Deno.test("a postponed record belongs to the transaction of its position", () => {
  using _clock = fakeClock();
  const it = transactional();
  it.sink.settle(true, true);
  fail(it);
  it.sink.settle(true, true);
  assert.deepEqual(it.commits, [], "it has not arrived");
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[2]]);
  assert.deepEqual(countsOf(it), [0, 0, 0, 0]);
  it.sink.committed();
  assert.deepEqual(countsOf(it), [1, 0, 0, 1]);
});

Deno.test("what is postponed while a transaction ends belongs to the next one", () => {
  using _clock = fakeClock();
  const it = transactional();
  const ticket = it.settlement.open(batchOf([{ lane: 0, offset: 0 }]));
  it.sink.add(ticket, 0, { topic: "out", value: "" });
  it.settlement.done(ticket, 0);
  it.sink.settle(true, true);
  const next = it.settlement.open(batchOf([{ lane: 0, offset: 1 }]));
  it.sink.postpone(next, 0, postponement);
  it.settlement.done(next, 0);
  it.outbox.report();
  it.sink.collect();
  assert.deepEqual(it.nexts(), [[1]]);
  assert.equal(it.outbox.sent.length, 0);
  it.sink.committed();
  assert.deepEqual(it.outbox.sent.map(({ record }) => record.topic), [
    DELAY_TOPIC,
  ]);
  assert.deepEqual(countsOf(it), [1, 1, 0, 0]);
});

Deno.test("a postponed record that never left is a dead letter of the same transaction", () => {
  using _clock = fakeClock();
  const it = transactional();
  fail(it);
  it.outbox.report(ErrorCode.messageSizeTooLarge, true);
  it.sink.flush();
  assertLetter(it.outbox.sent[0]?.record);
  it.outbox.report();
  it.sink.settle(true, true);
  assert.deepEqual([it.aborts, it.nexts()], [[], [[2]]]);
  it.sink.committed();
  assert.deepEqual(countsOf(it), [2, 0, 1, 0]);
});

Deno.test("a postponed record that brokers refuse makes its transaction void, and is a dead letter in the next attempt", () => {
  using _clock = fakeClock();
  const it = transactional();
  fail(it);
  it.outbox.report(ErrorCode.messageSizeTooLarge);
  it.sink.settle(true, true);
  assert.deepEqual([it.commits, it.failures], [[], []]);
  const [abort] = it.aborts;
  assert.deepEqual(
    abort?.refused.map(({ offset, reason, withValue }) => [
      offset,
      reason,
      withValue,
    ]),
    [[1, "down", true]],
  );

  const next = transactional(abort!.refused);
  fail(next);
  assertLetter(next.outbox.sent[0]?.record);
  next.outbox.report();
  next.sink.settle(true, true);
  next.sink.committed();
  assert.deepEqual(countsOf(next), [2, 0, 1, 0]);
});
