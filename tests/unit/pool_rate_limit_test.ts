import assert from "node:assert/strict";
import fc from "fast-check";
import { RateGate, RateLimit, type Rates } from "../../src/pool/rate_limit.ts";

fc.configureGlobal({ numRuns: 200 });

const burst = (rate: number) => Math.max(1, Math.ceil(rate / 10));

/** More looks than one burst has records. */
const MOST_LOOKS = 20_000;

/** What workers took, and what the limit allows in the same time. */
interface Taken {
  readonly seconds: number;
  readonly records: number;
  readonly bytes: number;
  /** The most that all gates took at one moment. */
  readonly mostRecords: number;
  readonly mostBytes: number;
}

interface Demand {
  readonly rates: Rates;
  /** By gate: records that it takes at once, if it may. */
  readonly batches: readonly number[];
  readonly recordBytes: number;
  /** Time between fills; all gates look between two of them. */
  readonly pausesMs: readonly number[];
}

/** Gates that always want more, and look before any of the others has taken. */
function take({ rates, batches, recordBytes, pausesMs }: Demand): Taken {
  let nowMs = 1000;
  const limit = new RateLimit(rates, nowMs);
  const gates = batches.map((batch) => ({
    batch,
    gate: new RateGate(limit.memory),
  }));
  let [records, mostRecords] = [0, 0];
  for (const pauseMs of pausesMs) {
    nowMs += pauseMs;
    limit.fill(nowMs);
    for (let looks = 0;; looks++) {
      const wants = gates.map(({ gate, batch }) =>
        Math.min(batch, gate.allowance())
      );
      const sum = wants.reduce((sum, each) => sum + each, 0);
      if (sum === 0) break;
      if (looks > MOST_LOOKS) throw new Error("nothing holds them back");
      wants.forEach((count, index) =>
        gates[index]!.gate.take(count, count * recordBytes)
      );
      records += sum;
      mostRecords = Math.max(mostRecords, sum);
    }
  }
  return {
    seconds: (nowMs - 1000) / 1000,
    records,
    bytes: records * recordBytes,
    mostRecords,
    mostBytes: mostRecords * recordBytes,
  };
}

const batches = fc.array(fc.integer({ min: 1, max: 5000 }), {
  minLength: 1,
  maxLength: 8,
});
const pausesMs = fc.array(fc.double({ min: 1, max: 100, noNaN: true }), {
  minLength: 100,
  maxLength: 300,
});
const rate = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.integer({ min: 50, max: 100_000 }),
);

Deno.test("gates that want ever more take the rate of records, to within a burst and what was overdrawn", () => {
  fc.assert(fc.property(rate, batches, pausesMs, (rate, batches, pausesMs) => {
    const rates = { records: rate, bytes: null };
    const taken = take({ rates, batches, recordBytes: 100, pausesMs });
    const due = rate * taken.seconds;
    assert.ok(taken.records <= due + burst(rate) + taken.mostRecords + 1);
    assert.ok(taken.records >= due - 1);
  }));
});

Deno.test("one gate never overdraws records", () => {
  fc.assert(fc.property(rate, batches, pausesMs, (rate, [batch], pausesMs) => {
    const rates = { records: rate, bytes: null };
    const taken = take({
      rates,
      batches: [batch!],
      recordBytes: 100,
      pausesMs,
    });
    assert.ok(taken.records <= rate * taken.seconds + burst(rate) + 1);
    assert.ok(taken.mostRecords <= burst(rate));
  }));
});

Deno.test("bytes are limited as well, whatever the size of batches and records", () => {
  const byteRate = fc.integer({ min: 1, max: 50_000_000 });
  const bytes = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(fc.property(
    byteRate,
    bytes,
    batches,
    pausesMs,
    (rate, recordBytes, batches, pausesMs) => {
      const rates = { records: 10_000, bytes: rate };
      const taken = take({ rates, batches, recordBytes, pausesMs });
      const due = rate * taken.seconds;
      // A batch is taken whole, and paid for by the pause behind it.
      assert.ok(taken.bytes <= due + burst(rate) + taken.mostBytes + 1);
      const enough = 10_000 * taken.seconds * recordBytes;
      assert.ok(taken.bytes >= Math.min(due, enough) - recordBytes);
    },
  ));
});

Deno.test("what one gate takes is gone for all of them", () => {
  const limit = new RateLimit({ records: 100, bytes: null }, 0);
  const [first, second] = [
    new RateGate(limit.memory),
    new RateGate(limit.memory),
  ];
  assert.equal(second.allowance(), 10);
  first.take(7, 0);
  assert.equal(second.allowance(), 3);
  second.take(3, 0);
  assert.equal(first.allowance(), 0);
});

Deno.test("a debt of bytes is paid before anything more may be taken", () => {
  const limit = new RateLimit({ records: null, bytes: 1000 }, 0);
  const gate = new RateGate(limit.memory);
  gate.take(1, 600); // a burst is 100
  limit.fill(499);
  assert.equal(gate.allowance(), 0);
  limit.fill(502);
  assert.ok(gate.allowance() > 0);
});

Deno.test("neither the highest rates nor the deepest debts overflow", () => {
  const rates = { records: 100_000_000, bytes: 100_000_000 * 1024 };
  const limit = new RateLimit(rates, 0);
  const gate = new RateGate(limit.memory);
  assert.equal(gate.allowance(), 10_000_000);
  for (let batch = 0; batch < 64; batch++) gate.take(1, 2 ** 31);
  assert.equal(gate.allowance(), 0);
  limit.fill(1e6);
  assert.equal(gate.allowance(), 10_000_000);
});

Deno.test("an idle time gives no more than one burst", () => {
  const limit = new RateLimit({ records: 1000, bytes: 5000 }, 0);
  const gate = new RateGate(limit.memory);
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += 100) limit.fill(nowMs);
  assert.equal(gate.allowance(), 100);
  gate.take(100, 499);
  limit.fill(3_600_000 - 100);
  assert.equal(gate.allowance(), 0);
});

Deno.test("fractions of records add up, so that slow rates and quick fills lose nothing", () => {
  const limit = new RateLimit({ records: 3, bytes: null }, 0);
  const gate = new RateGate(limit.memory);
  let taken = 0;
  for (let nowMs = 0; nowMs <= 60_000; nowMs++) {
    limit.fill(nowMs);
    const count = gate.allowance();
    gate.take(count, 1);
    taken += count;
  }
  assert.ok(Math.abs(taken - 180) <= 1, `${taken} in a minute`);
});

Deno.test("without limits nothing is ever used up", () => {
  const limit = new RateLimit({ records: null, bytes: null }, 0);
  const gate = new RateGate(limit.memory);
  for (let step = 0; step < 10; step++) gate.take(1_000_000_000, 2_000_000_000);
  assert.ok(gate.allowance() >= 1_000_000_000);
});

Deno.test("new rates are in effect at once, with a burst of their own", () => {
  const limit = new RateLimit({ records: 1000, bytes: 1000 }, 0);
  const gate = new RateGate(limit.memory);
  gate.take(100, 100_000);
  limit.setRates({ records: 50, bytes: null });
  assert.equal(gate.allowance(), 5);
  gate.take(5, 1_000_000);
  assert.equal(gate.allowance(), 0);
  limit.fill(1000);
  assert.equal(gate.allowance(), 5);
  limit.setRates({ records: null, bytes: null });
  gate.take(1_000_000, 1_000_000);
  assert.ok(gate.allowance() > 1_000_000);
});
