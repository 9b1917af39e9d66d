import assert from "node:assert/strict";
import fc from "fast-check";
import { CommitPace } from "../../workers/commit_pace.ts";
import { RunLog } from "../../workers/run_log.ts";

Deno.test("runs say of every record where it went, in as few as there are jumps", () => {
  const steps = fc.array(
    fc.record({
      upGap: fc.constantFrom(0, 0, 0, 1, 5),
      downGap: fc.constantFrom(0, 0, 0, 1, 3),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(fc.property(steps, (gaps) => {
    const log = new RunLog();
    let up = 0;
    let down = 0;
    let jumps = 1;
    const pairs = gaps.map(({ upGap, downGap }, index) => {
      if (index > 0 && upGap + downGap > 0) jumps++;
      const pair = [up += upGap, down += downGap];
      log.add(7, up++, down++);
      log.add(8, up * 2, down); // another ownership's
      return pair;
    });
    const runs = log.take(7);
    assert.equal(runs.length, jumps);
    assert.deepEqual(
      runs.flatMap(({ upstream, downstream, length }) =>
        Array.from({ length }, (_, at) => [upstream + at, downstream + at])
      ),
      pairs,
    );
    assert.deepEqual(log.take(7), []);
  }));
});

Deno.test("what was known before the first record comes first, and nothing is added to a mark", () => {
  const log = new RunLog();
  const mark = { upstream: 100, downstream: 40, length: 0 };
  log.begin(7, [mark]);
  log.begin(8, []);
  log.add(7, 100, 40);
  log.add(7, 101, 41);
  assert.deepEqual(log.take(7), [mark, { ...mark, length: 2 }]);
  assert.deepEqual(log.take(7), []);
  assert.deepEqual(log.take(8), []);
});

Deno.test("runs are the same in whichever order the reports come", () => {
  const steps = fc.array(fc.constantFrom(0, 0, 0, 2), {
    minLength: 1,
    maxLength: 40,
  });
  const ofSteps = steps.chain((gaps) => {
    let up = 0;
    const pairs = gaps.map((gap, down) => [up += gap + 1, down] as const);
    return fc.record({
      pairs: fc.constant(pairs),
      shuffled: fc.shuffledSubarray(pairs, {
        minLength: pairs.length,
        maxLength: pairs.length,
      }),
    });
  });
  fc.assert(fc.property(ofSteps, ({ pairs, shuffled }) => {
    const runsOf = (reports: typeof pairs) => {
      const log = new RunLog();
      for (const [up, down] of reports) log.add(7, up, down);
      return log.take(7);
    };
    assert.deepEqual(runsOf(shuffled), runsOf(pairs));
  }));
});

const LIMITS = { intervalMs: 100, mostMs: 5000, records: 1000 };

Deno.test("a transaction lasts its interval, or five times as long as the last commit took", () => {
  const pace = new CommitPace(LIMITS);
  assert.equal(pace.isDue(0, 0), false);
  assert.equal(pace.isDue(99, 0), false);
  assert.equal(pace.isDue(100, 0), true);
  pace.close(100);
  pace.open(500);
  assert.equal(pace.isDue(2499, 0), false);
  assert.equal(pace.isDue(2500, 0), true);
  pace.close(2500);
  pace.open(2510);
  assert.equal(pace.isDue(2609, 0), false);
  assert.equal(pace.isDue(2610, 0), true);
});

Deno.test("where all that was fetched is copied, a transaction lasts no longer than a commit", () => {
  const pace = new CommitPace(LIMITS);
  pace.close(0);
  pace.open(300);
  pace.drained();
  assert.equal(pace.isDue(599, 0), false);
  assert.equal(pace.isDue(600, 0), true);
  pace.close(600);
  pace.open(900);
  assert.equal(pace.isDue(2399, 0), false, "of this one that is not known");
  assert.equal(pace.isDue(2400, 0), true);
});

Deno.test("however long commits take, a transaction ends in time", () => {
  const pace = new CommitPace(LIMITS);
  pace.close(0);
  pace.open(2000);
  assert.equal(pace.isDue(6999, 0), false);
  assert.equal(pace.isDue(7000, 0), true);
});

Deno.test("a transaction with enough records does not wait, and the first one for none but its first", () => {
  const pace = new CommitPace(LIMITS);
  assert.equal(pace.isDue(0, 0), false);
  assert.equal(pace.isDue(1, 1), true);
  pace.close(1);
  pace.open(2);
  assert.equal(pace.isDue(3, 999), false);
  assert.equal(pace.isDue(4, 1000), true);
});
