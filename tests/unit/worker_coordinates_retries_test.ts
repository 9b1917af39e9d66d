/** What is there already of inputs that come through delay topics. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { OutputRecord, ReadHeader } from "../../src/kafka/mod.ts";
import { parseCoordinates } from "../../src/pool/coordinates.ts";
import type { DoneOutputs } from "../../src/pool/done_outputs.ts";
import { acknowledged, DELAY_TOPIC, SAYING } from "./support_sinks.ts";
import { batchOf, type FakeRecord, TOPIC } from "./support_worker_fakes.ts";

const failure = { attempts: 1, firstMs: 0 };
const postponement = { delayMs: 1000, failure, reason: "down" };
const encoder = new TextEncoder();

const text = (record: OutputRecord, name: string): string | undefined => {
  const found = record.headers?.filter(({ key }) => key === name) ?? [];
  assert.ok(found.length <= 1, name);
  return found[0]?.value as string | undefined;
};

/** The record as it is read from the topic to which it was produced. */
const read = (record: OutputRecord, lane: number, offset: number) => ({
  topic: record.topic,
  lane,
  offset,
  headers: (record.headers ?? []).map(({ key, value }): ReadHeader => ({
    key,
    value: typeof value === "string"
      ? encoder.encode(value)
      : value?.slice() ?? null,
  })),
});

/** A worker with a partition of the input and one of the delay topic. */
function worker(done: DoneOutputs) {
  const it = acknowledged({ ...SAYING, done });
  const delays = it.settlement.own({
    tp: { topic: DELAY_TOPIC, partition: 3 },
    epoch: 2,
    next: 0,
    beyond: [],
  });
  const take = () => {
    it.sink.flush();
    const sent = it.outbox.sent.map(({ record }) => record);
    it.outbox.report();
    return sent;
  };
  const open = (record: FakeRecord) => {
    const ticket = it.settlement.open(batchOf([record]));
    return ticket;
  };
  return {
    delays,
    fail(record: FakeRecord) {
      const ticket = open(record);
      it.sink.postpone(ticket, 0, postponement);
      it.settlement.done(ticket, 0);
      return take();
    },
    give(record: FakeRecord, topics: readonly string[]) {
      const ticket = open(record);
      for (const topic of topics) {
        it.sink.add(ticket, 0, { topic, value: "" }, topics.length);
      }
      it.settlement.done(ticket, 0);
      return take();
    },
    reject(record: FakeRecord) {
      const ticket = open(record);
      it.sink.reject(ticket, 0, "bad");
      it.settlement.done(ticket, 0);
      return take();
    },
  };
}

const input: FakeRecord = { lane: 0, offset: 7 };
const place = { topic: TOPIC, topicId: "input-id", partition: 0 };
const topics = fc.constantFrom("out", "audit");

Deno.test("what was there of an input's first attempt is not repeated by a later one, however often it fails", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(topics, fc.boolean()), { maxLength: 4 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      (outputs, failures, isRejected) => {
        const count = outputs.length;
        const done = outputs.flatMap(([output, isDone], ordinal) =>
          isDone
            ? [{
              ...place,
              output,
              count,
              outputs: [[input.offset, ordinal] as const],
            }]
            : []
        );
        const it = worker(done);
        let record: FakeRecord = input;
        for (let attempt = 0; attempt < failures; attempt++) {
          const [postponed, ...others] = it.fail(record);
          assert.equal(postponed?.topic, DELAY_TOPIC);
          assert.deepEqual(others, []);
          record = read(postponed!, it.delays, 10 + attempt);
        }
        if (isRejected) {
          assert.deepEqual(it.reject(record).map((each) => each.topic), [
            "dead",
          ]);
          return;
        }
        const sent = it.give(record, outputs.map(([output]) => output));
        assert.deepEqual(
          sent.map((each) => {
            const told = parseCoordinates(
              text(each, "switchyard.coordinates")!,
            );
            return [each.topic, told?.ordinal, told?.count, told?.offset];
          }),
          outputs.flatMap(([output, isDone], ordinal) =>
            isDone ? [] : [[output, ordinal, count, 9 + failures]]
          ),
        );
      },
    ),
  );
});

Deno.test("what comes of a record in a delay topic says where it was before", () => {
  const it = worker([]);
  const [first] = it.fail(input);
  assert.equal(text(first!, "switchyard.before"), undefined);
  const once = read(first!, it.delays, 20);
  const [second] = it.fail(once);
  const before = "cluster/input-id/0/7";
  assert.equal(text(second!, "switchyard.before"), before);
  const [result] = it.give(read(second!, it.delays, 21), ["out"]);
  assert.equal(
    text(result!, "switchyard.before"),
    `cluster/delay-id/3/20,${before}`,
  );
  const [letter] = it.reject(read(second!, it.delays, 22));
  assert.equal(
    text(letter!, "switchyard.before"),
    `cluster/delay-id/3/20,${before}`,
  );
});

Deno.test("headers of these names that the input came with are not ours", () => {
  const it = worker([]);
  const theirs = ["done", "before"].map((name) => ({
    key: `switchyard.${name}`,
    value: encoder.encode(name === "done" ? "out/1/0" : "c/t/0/1"),
  }));
  const [postponed] = it.fail({ ...input, headers: theirs });
  assert.equal(text(postponed!, "switchyard.before"), undefined);
  const [result] = it.give(read(postponed!, it.delays, 20), ["out"]);
  assert.equal(text(result!, "switchyard.before"), "cluster/input-id/0/7");
});

for (const [what, output] of [["letter", "dead"], ["retry", DELAY_TOPIC]]) {
  Deno.test(`an input whose ${what} is there gives nothing more, whatever becomes of it now`, () => {
    const handover = {
      ...place,
      output: output!,
      count: 1,
      outputs: [[input.offset, 0] as const],
    };
    assert.deepEqual(worker([handover]).give(input, ["out", "audit"]), []);
    assert.deepEqual(worker([handover]).reject(input), []);
    assert.deepEqual(worker([handover]).fail(input), []);
    const next = { ...input, offset: 8 };
    assert.equal(worker([handover]).give(next, ["out", "audit"]).length, 2);
    const again = { ...handover, topicId: "another" };
    assert.equal(worker([again]).give(input, ["out", "audit"]).length, 2);
  });
}

Deno.test("a letter is sent though results of its input are there", () => {
  const done = [{
    ...place,
    output: "out",
    count: 1,
    outputs: [[7, 0] as const],
  }];
  assert.deepEqual(worker(done).reject(input).map(({ topic }) => topic), [
    "dead",
  ]);
});
