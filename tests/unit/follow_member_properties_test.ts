import assert from "node:assert/strict";
import { memberProperties } from "../../dr/follow/stay_readers.ts";

Deno.test("a following consumer is known as ours, whatever its user calls it", () => {
  const idOf = (
    usual: Parameters<typeof memberProperties>[0],
    own: Parameters<typeof memberProperties>[0] = {},
  ) => memberProperties(usual, { group: "g", properties: own })["client.id"];
  assert.equal(idOf({}), "switchyard-follow");
  assert.equal(idOf({ "client.id": "theirs" }), "switchyard-theirs");
  assert.equal(
    idOf({ "client.id": "theirs" }, { "client.id": "orders" }),
    "switchyard-orders",
  );
  const ours = { "client.id": "switchyard-orders" };
  assert.equal(idOf(ours), "switchyard-orders");
});

Deno.test("properties of one consumer go before those of the cluster, and its group before all", () => {
  const own = { "fetch.queue.backoff.ms": 7, "group.id": "other" };
  const made = memberProperties(
    { "fetch.queue.backoff.ms": 5, "auto.offset.reset": "latest" },
    { group: "g", properties: own },
  );
  assert.equal(made["fetch.queue.backoff.ms"], 7);
  assert.equal(made["auto.offset.reset"], "latest");
  assert.equal(made["group.id"], "g");
});
