import assert from "node:assert/strict";
import fc from "fast-check";
import { brokerIdsProblem, judgeBrokerIds } from "../../dr/broker_ids.ts";

const cluster = (clusterId: string | null, ids: readonly number[]) => ({
  clusterId,
  controller: ids[0] ?? null,
  brokers: ids.map((id) => ({ id, host: "here", port: 9092 })),
});

Deno.test("ids that both clusters have are found, and no others", () => {
  const ids = fc.uniqueArray(fc.nat(12));
  fc.assert(fc.property(ids, ids, (one, two) => {
    const shared = one.filter((id) => two.includes(id)).sort((a, b) => a - b);
    assert.deepEqual(
      judgeBrokerIds(cluster("a", one), cluster("b", two)),
      shared.length === 0
        ? { kind: "disjoint" }
        : { kind: "shared", ids: shared },
    );
  }));
});

Deno.test("one cluster under two names is told from two clusters with the same ids", () => {
  const same = judgeBrokerIds(cluster("a", [1, 2]), cluster("a", [2, 3]));
  assert.deepEqual(same, { kind: "same-cluster", clusterId: "a" });
  const old = judgeBrokerIds(cluster(null, [1]), cluster(null, [1]));
  assert.deepEqual(old, { kind: "shared", ids: [1] });
});

Deno.test("what to do about shared ids is said, and nothing where all is well", () => {
  assert.equal(brokerIdsProblem({ kind: "disjoint" }), null);
  assert.match(
    brokerIdsProblem({ kind: "shared", ids: [1, 2] })!,
    /ids 1, 2: .*node\.id/,
  );
  assert.match(
    brokerIdsProblem({ kind: "same-cluster", clusterId: "abc" })!,
    /same cluster, abc/,
  );
  assert.match(
    brokerIdsProblem({ kind: "unanswered", reasons: { secondary: "gone" } })!,
    /the secondary does not answer \(gone\), /,
  );
});
