import assert from "node:assert/strict";
import fc from "fast-check";
import type { DoneInput } from "../../src/pool/done_outputs.ts";
import {
  DoneLog,
  type DoneRecord,
  doneRecords,
  type EraOutputs,
} from "../../dr/failover/done_records.ts";

/** As the contract has it: other parts read it. */
Deno.test("done and tail are written as others read them", () => {
  const records = doneRecords({
    era: 1,
    done: [{
      group: "g",
      topic: "t",
      topicId: "AAAAAAAAAAAAAAAAAAAAAQ",
      partition: 0,
      output: "o",
      count: 2,
      outputs: [[7, 0, 1]],
    }],
    tail: [{
      group: "g",
      topic: null,
      topicId: "AAAAAAAAAAAAAAAAAAAAAA",
      partition: 2,
      output: "o",
      count: 1,
      outputs: [[9, 0]],
    }],
  });
  assert.deepEqual(records, [{
    key: "done/1/0",
    value: '{"era":1,"parts":1,"done":[{"group":"g","topic":"t",' +
      '"topicId":"AAAAAAAAAAAAAAAAAAAAAQ","partition":0,' +
      '"output":"o","count":2,"outputs":[[7,0,1]]}]}',
  }, {
    key: "tail/1/0",
    value: '{"era":1,"parts":1,"tail":[{"group":"g","topic":null,' +
      '"topicId":"AAAAAAAAAAAAAAAAAAAAAA","partition":2,"output":"o","count":1,' +
      '"outputs":[[9,0]]}]}',
  }]);
});

Deno.test("that there is nothing is written, too", () => {
  const log = new DoneLog();
  take(log, doneRecords({ era: 3, done: [], tail: [] }));
  assert.deepEqual(log.newest(), { era: 3, done: [], tail: [] });
});

function take(log: DoneLog, records: readonly DoneRecord[]): void {
  for (const { key, value } of records) log.take(key, value);
}

/** Runs of neighbours, so that some take several parts. */
const outputs = fc.record({
  from: fc.nat(1e9),
  length: fc.oneof(fc.nat(5), fc.constantFrom(0, 20_000)),
  ordinals: fc.integer({ min: 1, max: 3 }),
}).map(({ from, length, ordinals }) =>
  Array.from(
    { length },
    (_, at): DoneInput => [
      from + at,
      ...Array.from({ length: ordinals }, (_, ordinal) => ordinal),
    ],
  )
);
const place = {
  group: fc.string(),
  topicId: fc.string(),
  partition: fc.nat(100),
  output: fc.string(),
  count: fc.nat(3),
  outputs,
};
const eraOutputs = (era: number): fc.Arbitrary<EraOutputs> =>
  fc.record({
    era: fc.constant(era),
    done: fc.array(fc.record({ ...place, topic: fc.string() }), {
      maxLength: 4,
    }),
    tail: fc.array(
      fc.record({
        ...place,
        topic: fc.option(fc.string()),
      }),
      { maxLength: 3 },
    ),
  });

/** Entries that were cut into parts, together again. */
const joined = ({ done, era, tail }: EraOutputs) => ({
  era,
  done: inputsOf(done.map(({ outputs, ...place }) => ({ place, outputs }))),
  tail: inputsOf(tail.map(({ outputs, ...place }) => ({ place, outputs }))),
});

const inputsOf = (
  entries: readonly {
    readonly place: unknown;
    readonly outputs: readonly DoneInput[];
  }[],
) =>
  entries.flatMap(({ outputs, place }) =>
    outputs.map((input) => [JSON.stringify(place), ...input])
  );

Deno.test("what is written is read again, in parts that brokers take", () => {
  fc.assert(
    fc.property(eraOutputs(2), (given) => {
      const records = doneRecords(given);
      for (const { value } of records) assert.ok(value!.length < 900_000);
      const log = new DoneLog();
      take(log, records);
      assert.deepEqual(joined(log.newest()!), joined(given));
    }),
    { numRuns: 10 },
  );
});

Deno.test("a second writer of an era leaves nothing of the first, and done eras before go", () => {
  fc.assert(
    fc.property(
      eraOutputs(1),
      eraOutputs(2),
      eraOutputs(2),
      (before, first, second) => {
        const log = new DoneLog();
        take(log, doneRecords(before));
        for (const each of [first, second]) {
          const records = doneRecords(each);
          const stale = log.stale(records, each.era)
            .map((key) => ({ key, value: null }));
          take(log, [...records, ...stale]);
        }
        assert.deepEqual(joined(log.newest()!), joined(second));
        const left = log.stale([], 2).filter((key) => !key.includes("/2/"));
        assert.deepEqual(left, []);
        // The tail of an era is wanted until it was recovered.
        const tails = log.stale([], 1).filter((key) => key.startsWith("tail/"));
        const written = doneRecords(before)
          .filter(({ key }) => key.startsWith("tail/")).map(({ key }) => key);
        assert.deepEqual(tails, written);
      },
    ),
    { numRuns: 10 },
  );
});

Deno.test("an era without all its parts is not there, and neither is what is no record", () => {
  const big = Array.from({ length: 90_000 }, (_, at): DoneInput => [at, 0]);
  const records = doneRecords({
    era: 5,
    done: [{
      group: "g",
      topic: "t",
      topicId: "id",
      partition: 0,
      output: "o",
      count: 1,
      outputs: big,
    }],
    tail: [],
  });
  assert.ok(records.length > 2);
  const log = new DoneLog();
  take(log, doneRecords({ era: 4, done: [], tail: [] }));
  take(log, records.filter(({ key }) => key !== "done/5/1"));
  log.take("done/9/0", "no JSON");
  log.take("done/8/0", '{"era":8,"parts":1,"done":[{"group":1}]}');
  log.take("else", "{}");
  log.take(null, null);
  assert.equal(log.newest()?.era, 4);
});
