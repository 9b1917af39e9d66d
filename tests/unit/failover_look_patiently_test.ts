import assert from "node:assert/strict";
import { type Look, lookPatiently } from "../../dr/failover/look_patiently.ts";
import { ReadError } from "../../src/kafka/mod.ts";
import { fakeClock } from "./support_clock.ts";

const { signal } = new AbortController();
const MINUTE = 60_000;
const REPORT = { outputs: 3, records: 9, withoutCut: [] };

class Finder {
  count = 0;
  unknown = 0;
}

/** An attempt finds so many outputs; a negative number: and breaks off then. */
function scans(...attempts: readonly number[]) {
  const made = { attempts: 0 };
  return {
    made,
    scan({ finder, problems }: Look<Finder>) {
      const at = Math.min(made.attempts++, attempts.length - 1);
      finder.count += Math.abs(attempts[at]!);
      problems.push(`attempt ${at}`);
      return attempts[at]! < 0
        ? Promise.reject(new ReadError("no leader"))
        : Promise.resolve(REPORT);
    },
  };
}

const look = async (scan: (look: Look<Finder>) => Promise<typeof REPORT>) => {
  using clock = fakeClock();
  const looking = lookPatiently(() => new Finder(), scan, signal);
  await clock.tick(MINUTE);
  return await looking;
};

Deno.test("what attempts that broke off have found is not counted again, and their problems are over", async () => {
  const { finder, problems, report } = await look(scans(-3, -3, 3).scan);
  assert.equal(finder.count, 3);
  assert.deepEqual(problems, ["attempt 2"]);
  assert.equal(report, REPORT);
});

Deno.test("of attempts that all broke off the one counts that has found most, with a word of that", async () => {
  const { made, scan } = scans(-1, -5, -2);
  const { finder, problems } = await look(scan);
  assert.equal(finder.count, 5);
  assert.deepEqual(problems, [
    "attempt 1",
    "not all outputs that are there are known (no leader)",
  ]);
  assert.ok(made.attempts > 3);
});

Deno.test("outputs of inputs that are not known any more are a problem: they may be repeated", async () => {
  const { problems } = await lookPatiently(
    () => new Finder(),
    ({ finder }) => {
      finder.unknown = 2;
      return Promise.resolve(REPORT);
    },
    signal,
  );
  assert.deepEqual(problems, [
    "of 2 outputs the inputs are not known any more",
  ]);
});

Deno.test("an error in the search itself is not put up with", async () => {
  await assert.rejects(
    lookPatiently(
      () => new Finder(),
      () => Promise.reject(new TypeError("a bug")),
      signal,
    ),
    TypeError,
  );
});
