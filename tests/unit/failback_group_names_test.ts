import assert from "node:assert/strict";
import { groupNames } from "../../dr/failback/group_positions.ts";
import { type GroupListings, KafkaError } from "../../src/kafka/mod.ts";

const { signal } = new AbortController();
const all = () => true;
const [slow, denied] = [
  new KafkaError("no answer", { code: -185, codeName: "_TIMED_OUT" }),
  new KafkaError("not allowed", {
    code: 31,
    codeName: "CLUSTER_AUTHORIZATION_FAILED",
  }),
];
const listing = (groupId: string) => ({
  groupId,
  state: "Empty",
  type: "Classic",
});

/** What brokers say when they are asked again and again. */
function admin(...answers: readonly GroupListings[]) {
  const left = [...answers];
  return { groups: { list: () => Promise.resolve(left.shift()!) } };
}

Deno.test("groups are listed again until every broker has told its own", async () => {
  const asked = admin(
    { groups: [listing("one")], errors: [slow] },
    { groups: [listing("one"), listing("two")], errors: [] },
  );
  assert.deepEqual(await groupNames(asked, all, signal), ["one", "two"]);
});

Deno.test("where a broker may not tell its groups, no others stand for all", async () => {
  const asked = admin({ groups: [listing("one")], errors: [denied] });
  await assert.rejects(groupNames(asked, all, signal), denied);
});
