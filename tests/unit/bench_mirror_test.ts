import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import fc from "fast-check";
import { copyProblems, countOf } from "../../bench/mirror/copy.ts";
import { Distance } from "../../bench/mirror/distance.ts";
import { fingerprint } from "../../bench/mirror/fingerprint.ts";
import { mirrorTable } from "../../bench/mirror/report.ts";
import { mirrorThroughputSystems } from "../../bench/mirror/systems.ts";
import { distancesOf, type MirrorRun } from "../../bench/mirror/throughput.ts";
import { parseOptions, UsageError } from "../../bench/options.ts";
import { select } from "../../bench/systems.ts";
import type { KafkaRecord } from "../support/record_codec.ts";
import { fakeClock } from "./support_clock.ts";
import { ToyBroker, ToyClient } from "./support_toy_broker.ts";

const bytes = fc.option(fc.uint8Array({ maxLength: 12 }), { nil: null });
const record: fc.Arbitrary<KafkaRecord> = fc.record({
  partition: fc.nat(7),
  offset: fc.nat(),
  timestampMs: fc.maxSafeNat(),
  key: bytes,
  value: bytes,
  headers: fc.array(
    fc.record({ name: fc.string({ maxLength: 4 }), value: bytes }),
    { maxLength: 3 },
  ),
});

/** What a mirror must keep. */
const kept = ({ timestampMs, key, value, headers }: KafkaRecord) =>
  JSON.stringify([
    timestampMs,
    key && [...key],
    value && [...value],
    headers.map(({ name, value }) => [name, value && [...value]]),
  ]);

Deno.test("two records have the same fingerprint just when a mirror would call them the same", () => {
  fc.assert(fc.property(record, record, (one, other) => {
    assert.equal(
      fingerprint(one) === fingerprint(other),
      kept(one) === kept(other),
    );
  }));
  fc.assert(fc.property(record, fc.nat(), (one, offset) => {
    const moved = { ...one, offset, partition: one.partition + 1 };
    assert.equal(fingerprint(moved), fingerprint(one));
  }));
});

Deno.test("a record that differs in one thing has another fingerprint", () => {
  const change = fc.constantFrom<(record: KafkaRecord) => KafkaRecord>(
    (each) => ({ ...each, timestampMs: each.timestampMs + 1 }),
    (each) => ({ ...each, key: flipped(each.key) }),
    (each) => ({ ...each, value: flipped(each.value) }),
    (each) => ({ ...each, key: each.value, value: each.key }),
    (each) => ({
      ...each,
      headers: [...each.headers, { name: "", value: null }],
    }),
    (each) => ({ ...each, headers: each.headers.toReversed() }),
    (each) => ({
      ...each,
      headers: each.headers.map(({ name, value }) => ({
        name,
        value: flipped(value),
      })),
    }),
  );
  fc.assert(
    fc.property(record, change, (one, change) => {
      const other = change(one);
      fc.pre(kept(one) !== kept(other));
      assert.notEqual(fingerprint(one), fingerprint(other));
    }),
    { numRuns: 1_000 },
  );
});

/** Null and empty are told apart; else the last byte changes by one bit. */
function flipped(bytes: Uint8Array | null): Uint8Array | null {
  if (bytes === null) return new Uint8Array(0);
  if (bytes.length === 0) return null;
  return bytes.with(-1, bytes.at(-1)! ^ 1);
}

const content = fc.array(
  fc.uniqueArray(fc.nat(1_000_000), { minLength: 3, maxLength: 20 }),
  { minLength: 1, maxLength: 4 },
);

Deno.test("a copy with the same records in the same order has no problem", () => {
  fc.assert(fc.property(content, (source) => {
    assert.deepEqual(copyProblems(source, source.map((each) => [...each])), []);
  }));
  assert.equal(countOf([[1, 2], [], [3]]), 3);
});

Deno.test("each kind of wrong copy is named, wherever it is", () => {
  fc.assert(fc.property(content, fc.nat(), fc.nat(), (source, a, b) => {
    const partition = a % source.length;
    const records = source[partition]!;
    const at = b % (records.length - 1);
    const problemsOf = (changed: readonly number[]) =>
      copyProblems(source, source.with(partition, [...changed]))[0];
    const first = `first at record ${at} of partition ${partition}`;

    assert.equal(
      problemsOf(records.toSpliced(at, 1)),
      "1 records are missing",
    );
    assert.equal(
      problemsOf(records.toSpliced(at, 0, records.at(-1)!)),
      "1 records are repeated",
    );
    assert.equal(
      problemsOf(records.toSpliced(at, 0, -1)),
      "1 records are not of the source",
    );
    const swapped = records.toSpliced(at, 2, records[at + 1]!, records[at]!);
    assert.deepEqual(
      copyProblems(source, source.with(partition, swapped)),
      ["the order of a partition is wrong", first],
    );
    const changed = records.with(at, -1);
    assert.deepEqual(copyProblems(source, source.with(partition, changed)), [
      "1 records are missing",
      "1 records are not of the source",
      first,
    ]);
  }));
});

Deno.test("a copy without one of the partitions lacks its records", () => {
  assert.deepEqual(copyProblems([[1], [2, 3]], [[1]]), [
    "2 records are missing",
    "first at record 0 of partition 1",
  ]);
});

Deno.test("a distance carries bytes both ways unchanged", async () => {
  await using broker = new ToyBroker();
  await using distance = new Distance({
    listenPort: 0,
    targetPort: broker.port,
    delayMs: 1,
  });
  using client = await ToyClient.connect(distance.port);
  for (const [at, payloadBytes] of [0, 3, 5_000_000, 17].entries()) {
    await client.request(0, at, { payloadBytes });
    assert.deepEqual(await client.answer(), { correlation: at, payloadBytes });
  }
});

Deno.test("each way to a distant cluster takes its time, and no less", async () => {
  await using broker = new ToyBroker();
  await using distance = new Distance({
    listenPort: 0,
    targetPort: broker.port,
    delayMs: 20,
  });
  using client = await ToyClient.connect(distance.port);
  using clock = fakeClock();
  await client.request(0, 1);
  // The clock stands still, so what is on its way waits for it.
  await turnsUntil(() => clock.timers === 1);
  await clock.tick(19);
  assert.deepEqual([clock.timers, broker.correlations], [1, []]);
  await clock.tick(1);
  await turnsUntil(() => clock.timers === 1);
  assert.deepEqual(broker.correlations, [1]);
  await clock.tick(20);
  assert.deepEqual(await client.answer(), { correlation: 1, payloadBytes: 0 });
});

/** Sockets need turns of the loop, which stay within the thousands. */
async function turnsUntil(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    assert.ok(turn < 1_000_000, "nothing waits for its time");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

Deno.test("a distance ends a connection whose other side has gone", async () => {
  const broker = new ToyBroker();
  await using distance = new Distance({
    listenPort: 0,
    targetPort: broker.port,
    delayMs: 1,
  });
  using client = await ToyClient.connect(distance.port);
  await client.request(0, 1);
  await client.answer();
  await broker[Symbol.asyncDispose]();
  assert.equal(await client.answer(), null);
});

Deno.test("a round trip is compared with the same way without delay, and nothing else has a proxy", () => {
  assert.deepEqual(distancesOf(parseOptions(["--mirror"])), [null]);
  const far = parseOptions(["--mirror", "--round-trip", "100"]);
  assert.deepEqual(distancesOf(far), [0, 100]);
});

Deno.test("mirrors have their own rate and command, and wrong words are refused", () => {
  const options = parseOptions(["--mirror", "--latency"]);
  assert.deepEqual(options.rates, [20_000]);
  assert.equal(options.ours.at(-1), "mirror");
  assert.equal(parseOptions([]).ours.at(-1), "start");
  for (const args of [["--policy", "other"], ["--far", "away"]]) {
    assert.throws(() => parseOptions(["--mirror", ...args]), UsageError);
  }
});

Deno.test("mirrors are compared with the fastest MirrorMaker of the run, and with themselves nearby", () => {
  const systems = select(mirrorThroughputSystems(["ours"]), [
    "mm2",
    "mm2-lz4",
    "switchyard",
  ]);
  const run = (
    system: string,
    roundTripMs: number,
    [steadyRate, peakMb]: readonly [number, number],
    problems: readonly string[] = [],
  ): MirrorRun => ({
    ...{ system, roundTripMs, steadyRate, peakMb, problems },
    round: 0,
    totalSeconds: 1,
    cpuSeconds: 1,
  });
  const text = mirrorTable(systems, [
    run("mm2", 0, [100, 1000]),
    run("mm2", 100, [80, 1000]),
    run("mm2-lz4", 0, [200, 800]),
    run("mm2-lz4", 100, [50, 800]),
    run("switchyard", 0, [600, 200]),
    run("switchyard", 100, [480, 200], ["1 records are missing"]),
  ], {
    command: "bench",
    date: "2026-01-01",
    machine: {
      ...{ cpu: "c", cores: 2, memoryGb: 1, os: "o", load: 0 },
      ...{ java: "17", node: null, deno: "2" },
    },
  });
  const ours = text.split("\n")
    .filter((line) => line.includes("Switchyard"))
    .map((line) => line.split("|").map((cell) => cell.trim()).slice(2, 5));
  assert.deepEqual(ours, [["0", "100 %", "600"], ["100", "80 %", "480"]]);
  const ends = text.split("\n")
    .filter((line) => line.includes("Switchyard"))
    .map((line) => line.split("|").map((cell) => cell.trim()).slice(-4, -1));
  assert.deepEqual(ends, [
    ["3.00", "0.25", "all right"],
    ["6.00", "0.20", "1 records are missing"],
  ]);
});
