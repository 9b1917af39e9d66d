import assert from "node:assert/strict";
import fc from "fast-check";
import { decideRetry, type RetryPolicy } from "../../workers/retry.ts";

const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  attempts: fc.integer({ min: 1, max: 2000 }),
  backoffMs: fc.nat(60_000),
  inPlaceMs: fc.nat(60_000),
  delaysMs: fc.uniqueArray(fc.integer({ min: 1, max: 86_400_000 }), {
    maxLength: 4,
  }).map((delays) => delays.sort((one, other) => one - other)),
});
const withDelays = policies.filter(({ delaysMs }) => delaysMs.length > 0);
const attempts = fc.integer({ min: 1, max: 2000 });
const wishes = fc.option(fc.nat(100_000_000));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** The wait that the backoff asks for, whatever comes of it. */
const wanted = (backoffMs: number, attempt: number, random: number) => {
  const decision = decideRetry(
    { attempts: Infinity, backoffMs, inPlaceMs: Infinity, delaysMs: [] },
    attempt,
    null,
    () => random,
  );
  assert.equal(decision.kind, "inPlace");
  return decision.kind === "inPlace" ? decision.delayMs : NaN;
};

Deno.test("a record is a dead letter after its last attempt, and not before", () => {
  fc.assert(
    fc.property(policies, attempts, wishes, chance, (policy, ...rest) => {
      const [attempt, wish, random] = rest;
      const { kind } = decideRetry(policy, attempt, wish, () => random);
      assert.equal(kind === "deadLetter", attempt >= policy.attempts);
    }),
  );
});

Deno.test("nothing waits in place for longer than it may, in a number that a timer takes", () => {
  fc.assert(
    fc.property(policies, attempts, wishes, chance, (policy, ...rest) => {
      const [attempt, wish, random] = rest;
      const decision = decideRetry(policy, attempt, wish, () => random);
      if (decision.kind !== "inPlace") return;
      assert.ok(decision.delayMs >= 0 && decision.delayMs <= policy.inPlaceMs);
    }),
  );
});

Deno.test("a wait too long for its place goes to the shortest delay topic that is long enough, else to the longest", () => {
  fc.assert(
    fc.property(withDelays, attempts, wishes, chance, (policy, ...rest) => {
      const [attempt, wish, random] = rest;
      const decision = decideRetry(policy, attempt, wish, () => random);
      const delayMs = wish ?? wanted(policy.backoffMs, attempt, random);
      const { inPlaceMs, delaysMs } = policy;
      if (decision.kind === "deadLetter") return;
      assert.equal(decision.kind === "later", delayMs > inPlaceMs);
      if (decision.kind === "inPlace") return;
      const enough = delaysMs.filter((each) => each >= delayMs);
      assert.equal(decision.delayMs, enough[0] ?? delaysMs.at(-1));
    }),
  );
});

Deno.test("the backoff doubles, and half of it is chance", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60_000 }),
      fc.integer({ min: 1, max: 30 }),
      chance,
      (backoffMs, attempt, random) => {
        const wholeMs = backoffMs * 2 ** (attempt - 1);
        const delayMs = wanted(backoffMs, attempt, random);
        assert.ok(delayMs >= wholeMs / 2 && delayMs <= wholeMs);
        assert.equal(wanted(backoffMs, attempt, 0), wholeMs / 2);
      },
    ),
  );
});

Deno.test("without a backoff nothing waits, at any attempt", () => {
  for (const attempt of [1, 2, 1999]) assert.equal(wanted(0, attempt, 0.5), 0);
});

Deno.test("what the processor wishes is taken as it is", () => {
  fc.assert(fc.property(fc.nat(1000), chance, (wish, random) => {
    const policy = { attempts: 3, backoffMs: 7, inPlaceMs: 1000, delaysMs: [] };
    assert.deepEqual(decideRetry(policy, 1, wish, () => random), {
      kind: "inPlace",
      delayMs: wish,
    });
  }));
});
