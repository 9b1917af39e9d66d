import assert from "node:assert/strict";
import {
  type Cut,
  lowestOf,
  type OutputsOf,
  PendingCut,
} from "../../dr/cut/mod.ts";
import { cutOf, positionsOf } from "./support_cut.ts";

const stallMs = 1_000;
const anywhere: OutputsOf = () => null;
const pendingOf = (cut: Cut, outputsOf = anywhere) =>
  new PendingCut(cut, { outputsOf, stallMs });

Deno.test("groups are ready when every partition has been mirrored to its end, and not before", () => {
  const pending = pendingOf(cutOf({
    ends: { "in-0": 9, "out-0": 5, "out-1": 0 },
    groups: { a: { "in-0": 7 }, b: {} },
  }));
  assert.deepEqual(
    pending.review(positionsOf({ "in-0": 9, "out-0": 4 }), 0).ready,
    [],
  );
  assert.equal(pending.isOver, false);
  const { ready, waiting } = pending.review(
    positionsOf({ "in-0": 9, "out-0": 5 }),
    1,
  );
  assert.deepEqual(ready, ["a", "b"]);
  assert.equal(waiting, 0);
  assert.equal(pending.isOver, true);
});

Deno.test("a group is named once", () => {
  const pending = pendingOf(
    cutOf({
      ends: { "in-0": 9, "out-0": 5 },
      groups: { a: { "in-0": 7 }, b: { "in-0": 9 } },
    }),
    (group) => group === "a" ? [] : null,
  );
  const first = pending.review(positionsOf({ "in-0": 8, "out-0": 5 }), 0);
  assert.deepEqual([first.ready, first.waiting], [["a"], 1]);
  const second = pending.review(positionsOf({ "in-0": 9, "out-0": 5 }), 0);
  assert.deepEqual([second.ready, second.waiting], [["b"], 0]);
});

Deno.test("a stopped partition holds every group that may have written to it", () => {
  const outputsOf: OutputsOf = (group) =>
    ({ spared: ["other"], concerned: ["out", "other"] })[group] ?? null;
  const pending = pendingOf(
    cutOf({
      ends: { "in-0": 9, "out-0": 5, "other-0": 3 },
      groups: { unknown: {}, spared: { "in-0": 9 }, concerned: {} },
    }),
    outputsOf,
  );
  const { held, ready } = pending.review(
    positionsOf({ "in-0": 9, "out-0": 4, "other-0": 3 }, {
      "out-0": "truncated",
    }),
    0,
  );
  assert.deepEqual(ready, ["spared"]);
  assert.deepEqual(held.map(({ group }) => group), ["unknown", "concerned"]);
  assert.deepEqual(held[0]!.behind, {
    topic: "out",
    partition: 0,
    wanted: 5,
    position: 4,
    reason: "truncated",
  });
  assert.equal(pending.isOver, true);
});

Deno.test("a stopped partition without anything new holds nobody", () => {
  const pending = pendingOf(
    cutOf({ ends: { "out-0": 5 }, groups: { a: {} } }),
  );
  const { ready } = pending.review(
    positionsOf({ "out-0": 5 }, { "out-0": "truncated" }),
    0,
  );
  assert.deepEqual(ready, ["a"]);
});

Deno.test("as an input alone, a stopped partition does not hold the group", () => {
  const pending = pendingOf(
    cutOf({
      ends: { "in-0": 9, "in-1": 9 },
      groups: { a: { "in-0": 8, "in-1": 8 } },
    }),
    () => [],
  );
  const stopped = { "in-1": "truncated" };
  const late = positionsOf({ "in-0": 7, "in-1": 2 }, stopped);
  assert.deepEqual(pending.review(late, 0).waiting, 1);
  const there = positionsOf({ "in-0": 8, "in-1": 2 }, stopped);
  assert.deepEqual(pending.review(there, 0).ready, ["a"]);
});

Deno.test("a partition that the cut knows no end of holds those whom it may concern", () => {
  const pending = pendingOf(
    cutOf({ ends: { "out-0": null }, groups: { a: {}, b: {} } }),
    (group) => group === "a" ? null : [],
  );
  const { held, ready } = pending.review(positionsOf({ "out-0": 99 }), 0);
  assert.deepEqual([held.map(({ group }) => group), ready], [["a"], ["b"]]);
});

Deno.test("a partition that does not move counts as stopped after a while, one that moves does not", () => {
  const pending = pendingOf(
    cutOf({
      ends: { "slow-0": 9, "hung-0": 9 },
      groups: { slow: {}, hung: {} },
    }),
    (group) => [group],
  );
  const at = (slow: number) => positionsOf({ "slow-0": slow, "hung-0": 3 });
  assert.equal(pending.review(at(1), 0).waiting, 2);
  assert.equal(pending.review(at(2), stallMs - 1).waiting, 2);
  const { held, waiting } = pending.review(at(2), stallMs);
  assert.deepEqual(held.map(({ group, behind }) => [group, behind.reason]), [
    ["hung", "it does not move"],
  ]);
  assert.equal(waiting, 1);
  assert.deepEqual(pending.review(at(9), stallMs * 2).ready, ["slow"]);
});

Deno.test("positions of topics that are not mirrored, and beyond the end, are not waited for", () => {
  const pending = pendingOf(
    cutOf({
      ends: { "in-0": 4 },
      groups: { a: { "in-0": 90, "elsewhere-0": 7 } },
    }),
  );
  assert.deepEqual(pending.review(positionsOf({ "in-0": 4 }), 0).ready, ["a"]);
});

Deno.test("the map may forget what lies below S and below every group", () => {
  const lowest = lowestOf(cutOf({
    stable: { "in-0": 8, "in-1": 8 },
    ends: { "in-0": 9, "in-1": 9, "in-2": 9 },
    groups: { a: { "in-0": 7, "in-2": 1 }, b: { "in-0": 3 } },
  }));
  assert.deepEqual(lowest.get("in"), [3, 8, null]);
});
