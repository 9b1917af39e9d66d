import assert from "node:assert/strict";
import { Check, type CheckOptions, formatReport } from "../checker/mod.ts";
import type { Report, Role, Seen } from "../checker/mod.ts";

/** A record of partition 0. */
function seen(topic: string, offset: number, more: Partial<Seen> = {}): Seen {
  return {
    topic,
    partition: 0,
    offset,
    id: offset,
    key: "k",
    fingerprint: offset + 1,
    ...more,
  };
}

function report(
  records: readonly (readonly [Role, Seen])[],
  options: CheckOptions & { readonly prepare?: (check: Check) => void } = {},
): Report {
  const { prepare, ...rest } = options;
  const check = new Check(rest);
  prepare?.(check);
  for (const [role, record] of records) check.observe(role, record);
  return check.report();
}

const kinds = ({ anomalies }: Report) =>
  anomalies.map(({ kind, count }) => `${count} ${kind}`);
const input = (offset: number, more?: Partial<Seen>) =>
  ["input", seen("in", offset, more)] as const;
const output = (offset: number, more?: Partial<Seen>) =>
  ["output", seen("out", offset, more)] as const;
const deadLetter = (offset: number, more?: Partial<Seen>) =>
  ["dead letter", seen("in.dlq", offset, more)] as const;
const delayed = (offset: number, more?: Partial<Seen>) =>
  ["retry", seen("in.retry", offset, more)] as const;
const exactlyOnce = { guarantee: "exactly-once" } as const;

Deno.test("an example says topic, partition, offset, id, key and what is wrong", () => {
  const { anomalies } = report([input(0, { id: 7, key: "alice" })]);
  assert.deepEqual(anomalies, [{
    kind: "lost",
    count: 1,
    examples: [{
      topic: "in",
      partition: 0,
      offset: 0,
      id: 7,
      key: "alice",
      sentence: "an input without output or dead letter",
    }],
  }]);
});

Deno.test("the words of a report end with its verdict", () => {
  const lost = report([input(0, { id: 7 }), input(1, { id: 8 })], {
    examples: 1,
  });
  const lines = formatReport(lost).split("\n");
  assert.ok(lines.includes("2 inputs"));
  assert.ok(
    lines.includes(
      "  in [0] @0, id 7, key k: an input without output or dead letter",
    ),
  );
  assert.ok(lines.includes("  and 1 more"));
  assert.equal(lines.at(-1), "2 lost");
  assert.match(formatReport(report([])), /\nno anomalies$/);
});

Deno.test("what is not done yet is counted while the job runs, and lost at the end", () => {
  const records = [output(0), input(0), input(1)];
  const running = report(records, { final: false });
  assert.deepEqual(kinds(running), []);
  assert.equal(running.counts.pending, 1);
  assert.deepEqual(kinds(report(records)), ["1 lost"]);
});

Deno.test("at least once may repeat, and in any order after the first delivery", () => {
  const records = [
    output(0, { id: 0 }),
    output(1, { id: 1 }),
    output(2, { id: 0 }),
    output(3, { id: 1 }),
    input(0),
    input(1),
  ];
  const allowed = report(records);
  assert.deepEqual(kinds(allowed), []);
  assert.equal(allowed.counts.repeated, 2);
  assert.deepEqual(kinds(report(records, exactlyOnce)), ["2 duplicate"]);
});

Deno.test("an input may demand no output, or several with numbers", () => {
  const outputsOf = (id: number | string) => Number(id);
  const options = { ...exactlyOnce, outputsOf };
  const records = [
    output(0, { id: 2, ordinal: 1 }),
    output(1, { id: 2, ordinal: 0 }),
    output(2, { id: 1 }),
    input(0, { id: 0 }),
    input(1, { id: 1 }),
    input(2, { id: 2 }),
  ];
  assert.deepEqual(
    kinds(report(records, { ...options, ordering: "none" })),
    [],
  );
  const incomplete = records.slice(1);
  assert.deepEqual(
    kinds(report(incomplete, { ...options, ordering: "none" })),
    ["1 lost"],
  );
  const repeated = [
    output(0, { id: 2, ordinal: 1 }),
    output(1, { id: 2, ordinal: 1 }),
    input(0, { id: 2 }),
  ];
  assert.deepEqual(kinds(report(repeated, options)), ["1 lost", "1 duplicate"]);
  const tooMany = [
    output(0, { id: 0 }),
    output(1, { id: 1, ordinal: 1 }),
    output(2, { id: 1, ordinal: 0 }),
    input(0, { id: 0 }),
    input(1, { id: 1 }),
  ];
  assert.deepEqual(kinds(report(tooMany, options)), ["2 unexpected"]);
});

Deno.test("several outputs without numbers are counted", () => {
  const options = { ...exactlyOnce, outputsOf: () => 32 };
  const outputs = (count: number) =>
    Array.from({ length: count }, (_, at) => output(at, { id: 0 }));
  assert.deepEqual(kinds(report([...outputs(32), input(0)], options)), []);
  assert.deepEqual(
    kinds(report([...outputs(31), input(0)], options)),
    ["1 lost"],
  );
  assert.deepEqual(
    kinds(report([...outputs(34), input(0)], options)),
    ["2 duplicate"],
  );
});

Deno.test("a dead letter that was put back is done twice, and out of order", () => {
  const records = [
    output(0, { id: 1 }),
    output(1, { id: 0 }),
    deadLetter(0, { id: 0 }),
    input(0, { id: 0 }),
    input(1, { id: 1 }),
    input(2, { id: 0 }),
  ];
  assert.deepEqual(kinds(report(records, exactlyOnce)), []);
});

Deno.test("an input that is there twice is lost if it was delivered once", () => {
  const records = [output(0, { id: 0 }), input(0), input(1, { id: 0 })];
  const { anomalies } = report(records);
  assert.deepEqual(anomalies.map(({ kind }) => kind), ["lost"]);
  assert.equal(anomalies[0]!.examples[0]!.offset, 1);
});

Deno.test("an output beside a dead letter is a duplicate, whichever is read first", () => {
  for (
    const records of [[output(0), deadLetter(0)], [deadLetter(0), output(0)]]
  ) {
    const found = report([...records, input(0)], exactlyOnce);
    assert.deepEqual(kinds(found), ["1 duplicate"]);
  }
});

Deno.test("of several outputs the first ones have an order", () => {
  const options = { outputsOf: () => 2 };
  const outputs = (...all: (readonly [number, number])[]) =>
    all.map(([id, ordinal], at) => output(at, { id, ordinal }));
  const inOrder = outputs([0, 0], [1, 0], [1, 1], [0, 1]);
  const inputs = [input(0), input(1)];
  assert.deepEqual(kinds(report([...inOrder, ...inputs], options)), []);
  const reordered = outputs([1, 0], [0, 0], [0, 1], [1, 1]);
  assert.deepEqual(
    kinds(report([...reordered, ...inputs], options)),
    ["1 reordered by key"],
  );
});

Deno.test("only outputs in one partition, of inputs in one, have an order", () => {
  const records = [
    output(5, { id: 0 }),
    output(0, { id: 1, partition: 1 }),
    output(6, { id: 3, partition: 1 }),
    output(7, { id: 2, partition: 1 }),
    input(0, { id: 0 }),
    input(1, { id: 1 }),
    input(2, { id: 2 }),
    input(0, { id: 3, partition: 1 }),
  ];
  assert.deepEqual(kinds(report(records)), []);
});

Deno.test("without keys there is no order by key", () => {
  const records = [
    output(0, { id: 1 }),
    output(1, { id: 0 }),
    input(0, { key: null }),
    input(1, { key: null }),
  ];
  assert.deepEqual(kinds(report(records, { ordering: "key" })), []);
  assert.deepEqual(
    kinds(report(records, { ordering: "partition" })),
    ["1 reordered in partition"],
  );
});

Deno.test("who waits in a retry topic is not lost by a commit, until that is committed too", () => {
  const commit = (topic: string, offset: number) => ({
    topic,
    partition: 0,
    offset,
    metadata: "",
  });
  const records = [delayed(0), input(0)];
  const prepare = (retryCommit: number) => (check: Check) => {
    check.log({ topic: "in", partition: 0, low: 0, high: 1 });
    check.committed(commit("in", 1));
    check.committed(commit("in.retry", retryCommit));
  };
  const running = { final: false } as const;
  const waiting = report(records, { ...running, prepare: prepare(0) });
  assert.deepEqual(kinds(waiting), []);
  const passed = report(records, { ...running, prepare: prepare(1) });
  assert.deepEqual(kinds(passed), ["1 committed beyond processed"]);
});

Deno.test("what the metadata leaves open may be open", () => {
  const inputs = Array.from({ length: 6 }, (_, at) => input(at));
  const done = [1, 2, 4].map((id) => output(id, { id }));
  // Open 0, settled 1 and 2, open 3, settled 4.
  const runs = (...lengths: number[]) =>
    `sy1r:${new Uint8Array(lengths).toBase64()}`;
  const prepare = (metadata: string) => (check: Check) =>
    check.committed({ topic: "in", partition: 0, offset: 0, metadata });
  const options = { final: false } as const;
  assert.deepEqual(
    kinds(
      report([...done, ...inputs], {
        ...options,
        prepare: prepare(runs(1, 2, 1, 1)),
      }),
    ),
    [],
  );
  const wrong = report([...done, ...inputs], {
    ...options,
    prepare: prepare(runs(1, 3)),
  });
  assert.deepEqual(kinds(wrong), ["1 committed beyond processed"]);
  assert.equal(wrong.anomalies[0]!.examples[0]!.offset, 3);
});

Deno.test("what the topic has deleted is not judged", () => {
  const trimmed = (check: Check) =>
    check.log({ topic: "in", partition: 0, low: 1, high: 2 });
  const withoutHistory = report([output(0), output(1), input(1)], {
    prepare: trimmed,
  });
  assert.deepEqual(kinds(withoutHistory), []);
  assert.equal(withoutHistory.counts.untraceable, 1);
  const withHistory = report([output(0), output(1), input(1)], {
    prepare(check) {
      trimmed(check);
      check.historyOf("in");
      for (const id of [0, 1]) {
        check.history({ op: "send", id });
        check.history({ op: "ack", id, partition: 0, offset: id });
      }
    },
  });
  assert.deepEqual(kinds(withHistory), []);
  assert.equal(withHistory.counts.trimmed, 1);
});

Deno.test("a send of unknown end may be there or not", () => {
  const prepare = (check: Check) => {
    check.historyOf("in");
    check.history({ op: "send", id: 0 });
    check.history({ op: "send", id: 1 });
  };
  const { anomalies, counts } = report([output(0), input(0)], { prepare });
  assert.deepEqual(anomalies, []);
  assert.equal(counts.unknown, 2);
});

Deno.test("a failed send that was sent again counts by its last end", () => {
  const prepare = (check: Check) => {
    check.historyOf("in");
    check.history({ op: "send", id: 0 });
    check.history({ op: "fail", id: 0 });
    check.history({ op: "send", id: 0 });
    check.history({ op: "ack", id: 0, partition: 0, offset: 3 });
  };
  const records = [output(0), input(3, { id: 0 })];
  const good = report(records, { ...exactlyOnce, prepare });
  assert.deepEqual(kinds(good), []);
  assert.equal(good.counts.acknowledged, 1);
});

Deno.test("an offset taken by another record after its acknowledgement is both missing and inconsistent", () => {
  const prepare = (check: Check) => {
    check.historyOf("in");
    for (const id of [0, 1]) {
      check.history({ op: "send", id });
      check.history({ op: "ack", id, partition: 0, offset: 0 });
    }
  };
  const records = [output(0, { id: 1 }), input(0, { id: 1 })];
  assert.deepEqual(kinds(report(records, { prepare })), [
    "1 acknowledged input missing",
    "1 inconsistent offset",
  ]);
});

Deno.test("the second reading ignores what came after the first", () => {
  const check = new Check({ final: false });
  check.log({ topic: "in", partition: 0, low: 0, high: 2 });
  check.observe("output", seen("out", 0));
  check.observe("input", seen("in", 0));
  check.observeAgain("input", seen("in", 0));
  check.observeAgain("input", seen("in", 1));
  check.observeAgain("input", seen("in", 2));
  check.secondReadingEnded("in");
  const { anomalies, counts } = check.report();
  assert.deepEqual(anomalies, []);
  assert.equal(counts.aborted, 1);
});

Deno.test("the key of an output without input is known by the second reading", () => {
  const check = new Check();
  const orphan = seen("out", 0, { id: 9, key: "bob" });
  check.observe("output", orphan);
  check.observeAgain("output", orphan);
  assert.equal(check.report().anomalies[0]!.examples[0]!.key, "bob");
});
