import assert from "node:assert/strict";
import type { Operation } from "../../src/pool/page.ts";
import { BatchTimes } from "../../workers/batch_times.ts";
import { Settlement } from "../../workers/settlement.ts";
import { batchOf, TOPIC } from "./support_worker_fakes.ts";

function newSettlement() {
  let nowMs = 0;
  const observed: [Operation, number][] = [];
  const settlement = new Settlement(
    new BatchTimes(
      { observe: (operation, ms) => void observed.push([operation, ms]) },
      () => nowMs,
    ),
  );
  settlement.own({
    tp: { topic: TOPIC, partition: 0 },
    epoch: 0,
    next: 0,
    beyond: [],
  });
  const ticket = settlement.open(
    batchOf([{ lane: 0, offset: 0 }, { lane: 0, offset: 1 }]),
  );
  return {
    observed,
    settlement,
    ticket,
    pass: (ms: number) => void (nowMs += ms),
  };
}

Deno.test("a batch is processed when its last handler ends, and sent when its last output is acknowledged", () => {
  const { observed, pass, settlement, ticket } = newSettlement();
  settlement.expect(ticket, 0);
  pass(10);
  settlement.handled(ticket, 0);
  assert.deepEqual(observed, []);
  pass(5);
  settlement.handled(ticket, 1);
  assert.deepEqual(observed, [["process", 15]]);
  pass(7);
  settlement.done(ticket, 0);
  assert.deepEqual(observed, [["process", 15], ["send", 7]]);
});

Deno.test("a batch that sends nothing is not observed as sent", () => {
  const { observed, pass, settlement, ticket } = newSettlement();
  pass(3);
  settlement.handled(ticket, 0);
  settlement.handled(ticket, 1);
  assert.deepEqual(observed, [["process", 3]]);
});
