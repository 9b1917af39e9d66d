import assert from "node:assert/strict";
import fc from "fast-check";
import {
  judgeConsumer,
  type LogRecord,
  onSecondary,
} from "../drill/clients_judge.ts";
import type { Done } from "../support/followed_clients.ts";

const movedMs = 1_000;

/** A log with gaps, as control records leave them. */
const logs = fc.array(
  fc.record({ partition: fc.nat(1), gap: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 1, maxLength: 30 },
).map((steps): LogRecord[] => {
  const next = [0, 0];
  return steps.map(({ gap, partition }, index) => {
    const offset = next[partition]!;
    next[partition] = offset + gap;
    return { partition, offset, value: `value ${index}` };
  });
});

const histories = fc.record({
  log: logs,
  positions: fc.tuple(fc.nat(40), fc.nat(40)),
  repeats: fc.nat(10),
}).map(({ log, positions, repeats }) => {
  const isAfter = ({ offset, partition }: LogRecord) =>
    offset >= positions[partition]!;
  const below = log.filter((each) => !isAfter(each));
  const after = log.filter(isAfter);
  const before = [...below, ...after.slice(0, repeats)];
  const at = (records: LogRecord[], fromMs: number): Done[] =>
    records.map((each, index) => ({ ...each, atMs: fromMs + index }));
  // Fetched before, handed out late; the secondary has others at these places.
  const late = [0, 1].map((partition) => ({
    partition,
    offset: positions[partition]!,
    value: `late ${partition}`,
  }));
  return {
    log,
    after,
    repeated: Math.min(repeats, after.length),
    done: [...at(before, 0), ...at([...late, ...after], movedMs)],
  };
});

Deno.test("a consumer that went on from its positions has nothing missing, and is told what came again", () => {
  fc.assert(fc.property(histories, ({ after, done, log, repeated }) => {
    const verdict = judgeConsumer(done, log, movedMs);
    assert.deepEqual(verdict.missing, []);
    assert.deepEqual(verdict.jumps, []);
    assert.equal(verdict.repeated, repeated);
    assert.equal(verdict.oldestRepeatedMs === null, repeated === 0);
    for (const partition of [0, 1]) {
      const first = after.find((each) => each.partition === partition);
      assert.equal(verdict.began[partition], first?.offset);
    }
  }));
});

Deno.test("a record that was left out is missing, and left out in the middle a jump", () => {
  fc.assert(fc.property(histories, fc.nat(), ({ after, done, log }, chosen) => {
    fc.pre(after.length > 0);
    const { partition, value } = after[chosen % after.length]!;
    const rest = done.filter((each) =>
      each.value !== value || each.atMs < movedMs
    );
    const { began, jumps, missing } = judgeConsumer(rest, log, movedMs);
    const isFirst = after.find((each) =>
      each.partition === partition
    )!.value === value;
    const isLast = after.findLast((each) =>
      each.partition === partition
    )!.value === value;
    const wasRead = rest.some((each) => each.value === value);
    assert.deepEqual(missing, wasRead ? [] : [value]);
    assert.equal(jumps.length, isFirst || isLast || wasRead ? 0 : 1);
    if (isFirst && isLast) assert.equal(began[partition], undefined);
  }));
});

Deno.test("a consumer that reads on by the primary's offsets until it has joined its group begins there for good", () => {
  fc.assert(fc.property(histories, fc.nat(), ({ after, done, log }, chosen) => {
    fc.pre(after.length > 0);
    const { partition } = after[chosen % after.length]!;
    const its = after.filter((each) => each.partition === partition);
    const stray = { ...its[chosen % its.length]!, atMs: movedMs };
    const at = done.findIndex(({ atMs }) => atMs >= movedMs);
    const verdict = judgeConsumer(done.toSpliced(at, 0, stray), log, movedMs);
    assert.deepEqual(verdict.missing, []);
    assert.deepEqual(verdict.jumps, []);
    assert.equal(verdict.began[partition], its[0]!.offset);
  }));
});

Deno.test("what lies where the log has something else, or was there before, is not of the secondary", () => {
  const log = [{ partition: 0, offset: 3, value: "a" }];
  const done = { partition: 0, offset: 3, value: "a", atMs: movedMs };
  assert.deepEqual(onSecondary([done], log, movedMs), [done]);
  assert.deepEqual(onSecondary([{ ...done, value: "b" }], log, movedMs), []);
  assert.deepEqual(onSecondary([done], log, movedMs + 1), []);
});
