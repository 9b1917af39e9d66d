import assert from "node:assert/strict";
import { ErrorCode, isUnanswered, KafkaError } from "../../src/kafka/mod.ts";
import { acknowledged } from "./support_sinks.ts";
import { batchOf } from "./support_worker_fakes.ts";

const OUT_OF_ORDER_SEQUENCE_NUMBER = 45;

/** A sink to which one record was postponed, whose report is to come. */
function waiting() {
  const it = acknowledged();
  const { settlement, sink } = it;
  const ticket = settlement.open(batchOf([{ lane: 0, offset: 0, value: "v" }]));
  const failure = { attempts: 1, firstMs: 0 };
  sink.postpone(ticket, 0, { delayMs: 1000, failure, reason: "down" });
  settlement.done(ticket, 0);
  sink.flush();
  return it;
}

Deno.test("where sequence numbers do not fit any more, another producer is to deliver", () => {
  for (const code of [OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.inconsistent]) {
    const it = waiting();
    it.outbox.report(code);
    assert.deepEqual(it.spent.map((each) => each.code), [code]);
    assert.deepEqual(it.failures, []);
    assert.equal(it.settlement.idle, false, "it is done again");
  }
});

Deno.test("what no producer can deliver is refused", () => {
  const it = waiting();
  it.outbox.report(ErrorCode.topicAuthorizationFailed);
  assert.deepEqual(it.failures.map(({ code }) => code), [
    ErrorCode.topicAuthorizationFailed,
  ]);
  assert.deepEqual(it.spent, []);
});

Deno.test("a time-out that may be tried again is an answer", () => {
  const error = (retriable: boolean) =>
    new KafkaError("", { code: ErrorCode.timedOut, codeName: "", retriable });
  assert.equal(isUnanswered(error(false)), true);
  assert.equal(isUnanswered(error(true)), false);
});
