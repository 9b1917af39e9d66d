import assert from "node:assert/strict";
import { writerProperties } from "../../dr/follow/stay_writer.ts";

Deno.test("a batch of any size is sent as a whole, for as long as its transaction may last", () => {
  const made = writerProperties({
    "client.id": "mine",
    "message.timeout.ms": 1,
    "delivery.timeout.ms": 2,
  }, "billing-1");
  assert.deepEqual(made, {
    "client.id": "mine",
    "linger.ms": 0,
    "queue.buffering.max.messages": 0,
    "queue.buffering.max.kbytes": 2_097_151,
    "transaction.timeout.ms": 10_000,
    "transactional.id": "billing-1",
  });
});

Deno.test("how long a transaction may last is the user's choice, its name is not", () => {
  const made = writerProperties({
    "transaction.timeout.ms": 60_000,
    "transactional.id": "other",
  }, "billing-1");
  assert.equal(made["transaction.timeout.ms"], 60_000);
  assert.equal(made["transactional.id"], "billing-1");
});
