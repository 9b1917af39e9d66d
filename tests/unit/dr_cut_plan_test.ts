import assert from "node:assert/strict";
import { encodeMost } from "../../src/pool/offset_ranges.ts";
import {
  type Checkpoint,
  type GroupOffset,
  planRelease,
  type Translated,
  translateGroup,
} from "../../dr/cut/mod.ts";
import { type CutInWords, cutOf, positionsOf, shifted } from "./support_cut.ts";

interface Given {
  readonly upstream: number;
  readonly metadata?: string;
  /** On the target, of partition 0 of the topic there. */
  readonly current?: Partial<GroupOffset>;
  readonly last?: Partial<Checkpoint>;
  readonly isActive?: boolean;
  readonly isDue?: boolean;
  readonly translated?: Translated;
  readonly position?: number;
  readonly cut?: Partial<CutInWords>;
}

const target = { topic: "primary.in", partition: 0 };

/** Group `g` at an offset of `in`, which is 100 higher on the target. */
function plan(given: Given) {
  const { current, isActive = false, isDue = false, last, translated } = given;
  const input = {
    group: "g",
    cut: cutOf({
      ends: { "in-0": 1_000 },
      groups: { g: { "in-0": given.upstream } },
      metadata: given.metadata ?? "",
      ...given.cut,
    }),
    positions: positionsOf({ "in-0": given.position ?? 1_000 }),
    translation: translated === undefined
      ? shifted(100)
      : { translate: () => translated },
    targetTopic: (topic: string) => `primary.${topic}`,
    last: () =>
      last && {
        group: "g",
        ...target,
        upstream: 0,
        downstream: 100,
        metadata: "",
        ...last,
      },
    isDue,
  };
  const offsets = current === undefined
    ? []
    : [{ ...target, offset: 0, metadata: "", ...current }];
  return planRelease(translateGroup(input), { isActive, offsets }, input);
}

const written = (given: Given) =>
  plan(given).writes.map(({ offset, metadata }) => [offset, metadata]);

Deno.test("a group that the target does not know gets its position under the target's name, and a checkpoint", () => {
  const { checkpoints, isWhole, writes } = plan({ upstream: 7, metadata: "m" });
  assert.deepEqual(writes, [{ ...target, offset: 107, metadata: "m" }]);
  assert.deepEqual(checkpoints, [{
    group: "g",
    ...target,
    upstream: 7,
    downstream: 107,
    metadata: "m",
  }]);
  assert.equal(isWhole, true);
});

Deno.test("a group with members on the target is left alone, and has a checkpoint", () => {
  const { checkpoints, isWhole, writes } = plan({
    upstream: 7,
    isActive: true,
  });
  assert.deepEqual(writes, []);
  assert.equal(checkpoints.length, 1);
  assert.equal(isWhole, false);
});

Deno.test("offsets go forward and not back", () => {
  assert.deepEqual(written({ upstream: 7, current: { offset: 106 } }), [
    [107, ""],
  ]);
  assert.deepEqual(written({ upstream: 7, current: { offset: 107 } }), []);
  assert.deepEqual(written({ upstream: 7, current: { offset: 108 } }), []);
});

Deno.test("offsets go back where the source's group went back, and nobody has worked on the target since", () => {
  const last = { upstream: 50, downstream: 150 };
  assert.deepEqual(
    written({ upstream: 7, current: { offset: 150 }, last }),
    [[107, ""]],
  );
  assert.deepEqual(
    written({ upstream: 7, current: { offset: 160 }, last }),
    [],
  );
  assert.deepEqual(
    written({ upstream: 50, current: { offset: 160 }, last }),
    [],
  );
});

Deno.test("what has not changed is written when it is due", () => {
  const same = {
    upstream: 7,
    current: { offset: 107 },
    last: { upstream: 7, downstream: 107 },
  };
  assert.deepEqual([plan(same).writes, plan(same).checkpoints], [[], []]);
  const due = plan({ ...same, isDue: true });
  assert.equal(due.writes.length, 1);
  assert.equal(due.checkpoints.length, 1);
});

Deno.test("at the same place newly finished ranges replace those that were released last, and nobody else's", () => {
  const metadata = encodeMost(7, [9, 12, 20, 21]);
  const before = encodeMost(107, [109, 112]);
  const last = { upstream: 7, downstream: 107, metadata: before };
  const ours = { upstream: 7, metadata, last };
  assert.deepEqual(
    written({ ...ours, current: { offset: 107, metadata: before } }),
    [[107, encodeMost(107, [109, 112, 120, 121])]],
  );
  const theirs = plan({ ...ours, current: { offset: 107, metadata: "else" } });
  assert.deepEqual(theirs.writes, []);
  assert.equal(theirs.isWhole, false);
});

Deno.test("lower bounds are marked, and move no checkpoint back", () => {
  const translated = { offset: 90, exact: false, why: "below-known" };
  const first = plan({ upstream: 7, translated });
  assert.deepEqual([first.writes.length, first.inexact.length], [1, 1]);
  assert.equal(first.isWhole, false);

  const last = { upstream: 5, downstream: 105 };
  const later = plan({ upstream: 7, translated, last });
  assert.deepEqual([later.writes, later.checkpoints], [[], []]);
  assert.equal(later.withheld[0]!.reason, "its lower bound would go back");
});

Deno.test("where the target's topic was made anew, an exact position is lower and counts", () => {
  const last = { upstream: 5, downstream: 900 };
  const current = { offset: 900 };
  const { checkpoints, writes } = plan({ upstream: 7, last, current });
  assert.equal(writes[0]!.offset, 107);
  assert.equal(checkpoints[0]!.downstream, 107);
});

Deno.test("what is not mirrored that far is withheld, of topics that are not mirrored nothing is said", () => {
  const { isWhole, withheld, writes } = plan({
    upstream: 7,
    position: 6,
    cut: { groups: { g: { "in-0": 7, "elsewhere-0": 3 } } },
  });
  assert.deepEqual(writes, []);
  assert.deepEqual(withheld, [{
    topic: "in",
    partition: 0,
    offset: 7,
    metadata: "",
    reason: "not mirrored that far",
  }]);
  assert.equal(isWhole, false);
});
