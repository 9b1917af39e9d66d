import assert from "node:assert/strict";
import fc from "fast-check";
import type { Header, OutputRecord } from "../../src/kafka/message.ts";
import type { Pack } from "../../src/kafka/pack.ts";
import { PackQueue } from "../../src/kafka/pack_queue.ts";

const CAPACITY = 2000;

/** Takes what the real ones take: any record, or plain ones of one topic. */
class FakePack implements Pack {
  static open = 0;
  readonly records: { readonly index: number; readonly topic: string }[] = [];

  constructor(readonly isPlain: boolean) {
    FakePack.open++;
  }

  get count(): number {
    return this.records.length;
  }

  add(
    _owner: number,
    index: number,
    record: OutputRecord,
    last: Header | null,
  ): boolean {
    const { headers, partition, timestampMs, topic } = record;
    if (this.isPlain) {
      assert.equal(last, null);
      assert.ok(
        [headers, partition, timestampMs].every((each) => each === undefined),
      );
      if (this.count > 0 && this.records[0]!.topic !== topic) return false;
    }
    if (this.count === CAPACITY) return false;
    this.records.push({ index, topic });
    return true;
  }

  seal(): number {
    return 0;
  }

  produce() {
    this.records.length = 0;
    return [];
  }

  [Symbol.dispose](): void {
    FakePack.open--;
  }
}

const queue = () =>
  new PackQueue({
    plain: () => new FakePack(true),
    any: () => new FakePack(false),
  });

/** What is handed over, pack by pack. */
function drained(packs: PackQueue): { isPlain: boolean; indexes: number[] }[] {
  const all: { isPlain: boolean; indexes: number[] }[] = [];
  packs.drain((each) => {
    const pack = each as FakePack;
    const indexes = pack.records.map(({ index }) => index);
    all.push({ isPlain: pack.isPlain, indexes });
    pack.produce();
  });
  return all;
}

Deno.test("records leave in the order in which they came, whatever they are", () => {
  const records = fc.array(
    fc.record({
      topic: fc.constantFrom("a", "b"),
      timestampMs: fc.constantFrom(undefined, 1),
      partition: fc.constantFrom(undefined, undefined, 3),
      last: fc.constantFrom(null, null, { key: "last", value: "1" }),
      isLast: fc.integer({ min: 0, max: 9 }).map((each) => each === 0),
    }),
    { maxLength: 100 },
  );
  fc.assert(fc.property(records, (list) => {
    FakePack.open = 0;
    {
      using packs = queue();
      const left: number[] = [];
      for (const [index, { isLast, last, ...rest }] of list.entries()) {
        const { partition, timestampMs, topic } = rest;
        packs.add(0, index, {
          topic,
          value: null,
          ...(timestampMs === undefined ? {} : { timestampMs }),
          ...(partition === undefined ? {} : { partition }),
        }, last);
        if (!isLast) continue;
        left.push(...drained(packs).flatMap(({ indexes }) => indexes));
      }
      left.push(...drained(packs).flatMap(({ indexes }) => indexes));
      assert.deepEqual(left, list.map((_, index) => index));
      assert.equal(packs.units, 0);
    }
    assert.equal(FakePack.open, 0, "all are freed");
  }));
});

Deno.test("plain records of one topic fill plain packs", () => {
  using packs = queue();
  for (let index = 0; index < 2 * CAPACITY + 1; index++) {
    packs.add(0, index, { topic: "a", value: "12", key: "3" });
  }
  assert.equal(packs.units, 3 * (2 * CAPACITY + 1));
  assert.deepEqual(
    drained(packs).map(({ isPlain, indexes }) => [isPlain, indexes.length]),
    [[true, CAPACITY], [true, CAPACITY], [true, 1]],
  );
});

Deno.test("a last header counts to what waits, and needs no list of headers", () => {
  using packs = queue();
  packs.add(0, 0, { topic: "a", value: "12" }, { key: "k", value: "345" });
  assert.equal(packs.units, 5);
  assert.deepEqual(drained(packs), [{ isPlain: false, indexes: [0] }]);
});

Deno.test("records of many topics, and with headers, in turn share few packs", () => {
  using packs = queue();
  for (let index = 0; index < 10_000; index++) {
    const headers = index % 3 === 0 ? { headers: [] } : {};
    packs.add(0, index, { topic: `t-${index % 7}`, value: null, ...headers });
  }
  const all = drained(packs);
  assert.ok(all.length <= 12, `${all.length} packs`);
});

Deno.test("what is added while others leave leaves after them", () => {
  using packs = queue();
  packs.add(0, 1, { topic: "a", value: null });
  const left: number[] = [];
  packs.drain((each) => {
    const pack = each as FakePack;
    left.push(...pack.records.map(({ index }) => index));
    pack.produce();
    if (left.length < 3) {
      packs.add(0, left.length + 1, { topic: "a", value: "" });
    }
  });
  assert.deepEqual(left, [1, 2, 3]);
});

Deno.test("a pack that could not be handed over is not used again", () => {
  FakePack.open = 0;
  using packs = queue();
  packs.add(0, 1, { topic: "a", value: null });
  assert.throws(() =>
    packs.drain(() => {
      throw new TypeError("no");
    }), TypeError);
  assert.equal(FakePack.open, 0);
  packs.add(0, 2, { topic: "a", value: null });
  assert.deepEqual(drained(packs), [{ isPlain: true, indexes: [2] }]);
});
