/** Records of aborted transactions that embedded clusters show. */
import assert from "node:assert/strict";
import { judge } from "../../dr/drill/judge.ts";
import type { SeenOutput, ShownAbort } from "../../dr/drill/mod.ts";
import { abortIn } from "../../src/commands/drill/role_status.ts";
import { formatLine } from "../../src/telemetry/log.ts";
import { failedOver, spoilt } from "./support_drill.ts";

const evidence = failedOver({ before: 40, after: 40, tail: 0, ahead: 0 });
/** The pool aborts when it has written the outputs of the inputs up to this. */
const LAST = 60;
const FROM = { 0: 20, 1: 20, 2: 10 };
const ABORT: ShownAbort = { cluster: "secondary", atMs: LAST, from: FROM };

const isAborted = ({ claim, writtenMs }: SeenOutput): boolean =>
  claim!.clusterId === "two" && writtenMs <= LAST &&
  claim!.offset >= FROM[claim!.partition as 0 | 1 | 2];
const again = (output: SeenOutput) => ({ ...output, writtenMs: LAST + 1 });

/** What was aborted is processed again, and shown twice. */
const shown = spoilt(evidence, ({ outputs }) => {
  const aborted = outputs.filter(isAborted);
  assert.ok(aborted.length > 5);
  const rest = outputs.filter((each) => !isAborted(each));
  const kept = rest.filter(({ writtenMs }) => writtenMs <= LAST);
  const later = rest.filter(({ writtenMs }) => writtenMs > LAST);
  return { outputs: [...kept, ...aborted, ...aborted.map(again), ...later] };
});

Deno.test("outputs that were aborted and processed again are there once", () => {
  const { repeated } = judge(shown);
  assert.ok(repeated > 5);
  const judged = judge({ ...shown, aborts: [ABORT] });
  assert.deepEqual([judged.repeated, judged.violations], [0, []]);
});

Deno.test("outputs that were aborted and not processed again are lost", () => {
  const gone = spoilt(shown, ({ outputs }) => ({
    outputs: outputs.filter(({ id, writtenMs }) =>
      !(id <= LAST && writtenMs > LAST)
    ),
  }));
  const aborted = shown.clusters.secondary.outputs.filter(isAborted).length;
  assert.equal(judge({ ...gone, aborts: [ABORT] }).lost, aborted);
});

for (
  const [what, change] of [
    ["was committed before", { writtenMs: LAST, id: 41 }],
    ["was written after the abort", { writtenMs: LAST + 2, id: LAST }],
  ] as const
) {
  Deno.test(`an abort hides no repeated output of an input that ${what}`, () => {
    const bad = spoilt(shown, ({ outputs }) => {
      const from = outputs.find(({ id }) => id >= change.id)!;
      return {
        outputs: [...outputs, { ...from, writtenMs: change.writtenMs }],
      };
    });
    assert.equal(judge({ ...bad, aborts: [ABORT] }).repeated, 1);
  });
}

Deno.test("what the pool's log says of an abort is read", () => {
  const line = formatLine({
    time: "2026-01-02T03:04:05.678Z",
    level: "warn",
    message: "transaction aborted",
    fields: {
      cluster: "primary",
      worker: 0,
      error: "send offsets to transaction: timed out",
      from: "my-input-0@12,my-input-1@0,other-1@7",
    },
  });
  assert.deepEqual(abortIn(line, "my-input"), {
    cluster: "primary",
    atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    from: { 0: 12, 1: 0 },
  });
  assert.equal(abortIn('{"message":"partitions assigned"}', "my-input"), null);
});
