import assert from "node:assert/strict";
import fc from "fast-check";
import type { TailAction } from "../../dr/failback/replay_records.ts";
import { restingGroups } from "../../dr/failback/stage.ts";
import {
  isDealtWith,
  planTail,
  type TailRules,
  type TopicTail,
} from "../../dr/failback/tail_plan.ts";
import { sized } from "../support/soak.ts";

const numRuns = sized(300, 20_000);
const RULES: TailRules = {
  isDerived: (topic) => topic === "made",
  chosen: () => null,
};

function tail(topic: string, more: Partial<TopicTail> = {}): TopicTail {
  const partition = {
    partition: 0,
    start: 10,
    end: 20,
    records: 5,
    outputs: 0,
    first: 10,
    last: 19,
  };
  const partitions = [partition];
  return { topic, topicId: topic, isCompacted: false, partitions, ...more };
}

const counted = (records: number, outputs: number) => ({
  partitions: [{ ...tail("t").partitions[0]!, records, outputs }],
});

const planOf = (each: TopicTail, rules = RULES) => {
  const [{ class: its, target, treatment } = { class: "", target: "" }] =
    planTail([each], rules) as ReturnType<typeof planTail>;
  return [its, treatment, target];
};

Deno.test("what clients wrote is replayed, what pools made is not, and what is compacted is kept apart", () => {
  assert.deepEqual(planOf(tail("t")), ["source", "replay", "t"]);
  assert.deepEqual(planOf(tail("made")), ["derived", "reconcile", null]);
  const compacted = tail("t", { isCompacted: true });
  assert.deepEqual(
    planOf(compacted),
    ["compacted", "quarantine", "t.quarantine"],
  );
});

Deno.test("a topic of which every record carries coordinates is made by pools; of some, it is not", () => {
  assert.equal(planOf(tail("t", counted(5, 5)))[0], "derived");
  assert.equal(planOf(tail("t", counted(5, 4)))[0], "source");
  assert.equal(planOf(tail("t", counted(0, 0)))[0], "source");
});

Deno.test("one may choose, but not to replay what pools have made", () => {
  const rules = (action: TailAction) => ({ ...RULES, chosen: () => action });
  assert.deepEqual(planOf(tail("t"), rules("discard")), [
    "source",
    "discard",
    null,
  ]);
  assert.deepEqual(planOf(tail("t"), rules("quarantine")), [
    "source",
    "quarantine",
    "t.quarantine",
  ]);
  const compacted = tail("t", { isCompacted: true });
  assert.deepEqual(planOf(compacted, rules("replay")), [
    "compacted",
    "replay",
    "t",
  ]);
  assert.equal(planOf(tail("made"), rules("replay"))[1], "reconcile");
});

Deno.test("a topic whose tail is dealt with is in no plan", () => {
  const [partition] = tail("t").partitions;
  const done = { partitions: [{ ...partition!, start: 20, records: 0 }] };
  assert.deepEqual(planTail([tail("t", done)], RULES), []);
  assert.ok(isDealtWith(planTail([tail("t", done), tail("made")], RULES)));
  assert.ok(!isDealtWith(planTail([tail("t")], RULES)));
});

Deno.test("groups rest whose outputs are there of records that will be replayed, and no others", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({
        group: fc.constantFrom("a", "b", "c"),
        topicId: fc.constantFrom("t", "made", "gone"),
        partition: fc.nat(1),
        offset: fc.nat(30),
      })),
      (found) => {
        const plan = planTail([tail("t"), tail("made")], RULES);
        const entries = found.map(({ offset, ...each }) => ({
          ...each,
          outputs: [[offset, 0] as const],
        }));
        const expected = found.filter(({ offset, partition, topicId }) =>
          topicId === "t" && partition === 0 && offset >= 10 && offset < 20
        ).map(({ group }) => group);
        assert.deepEqual(
          restingGroups(entries, plan),
          [...new Set(expected)].sort(),
        );
      },
    ),
    { numRuns },
  );
});
