import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Batch,
  EncodingError,
  headerName,
  Inbox,
  MockCluster,
  newRing,
  type OutputRecord,
  type PartitionRouter,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import {
  library,
  Member,
  nextEvent,
  Sender,
  text,
} from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

/** One record of a batch. */
interface Taken {
  readonly batch: Batch;
  readonly index: number;
}

/** Fetches `records` and gives `use` those that the router lets through. */
async function withTaken(
  records: readonly OutputRecord[],
  expected: number,
  router: Router,
  use: (taken: readonly Taken[]) => void,
): Promise<void> {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 2);
  {
    // Together: each that is sent by itself lies by itself, too.
    await using sender = new Sender(cluster.bootstrapServers, {
      "linger.ms": 50,
    });
    const reports = await sender.send(records);
    assert.ok(reports.every(({ code }) => code === 0));
  }
  await using member = new Member(cluster.bootstrapServers, {
    "group.id": "group",
  });
  const queue = member.consumer.newQueue();
  using ring = newRing(library, records.length);
  member.consumer.subscribe(["topic"]);
  const { partitions } = await nextEvent(member.consumer, "assign");
  for (const tp of partitions) member.consumer.forward(tp, queue);
  member.consumer.assign(partitions.map((tp) => ({ ...tp, offset: 0 })));
  await eventually(
    () => {
      const length = library.symbols.rd_kafka_queue_length(queue.pointer);
      return Number(length) >= records.length;
    },
    { what: "fetched", everyMs: 1 },
  );
  using inbox = new Inbox(library, {
    queue: member.consumer.addressOf(queue),
    ring: ring.address,
    capacity: records.length,
  }, {
    ...router,
    failed: (_, error) => {
      throw error;
    },
  });
  const batches: Batch[] = [];
  try {
    const taken = await eventually(async () => {
      const batch = await inbox.wait(records.length, 1_000);
      if (batch !== null) batches.push(batch);
      const taken = batches.flatMap((batch) =>
        Array.from({ length: batch.count }, (_, index) => ({ batch, index }))
      );
      return taken.length >= expected ? taken : null;
    }, { what: "taken", everyMs: 0 });
    use(taken);
  } finally {
    for (const batch of batches) batch.free();
  }
}

type Router = Omit<PartitionRouter, "failed">;

const PARTITIONS: readonly TopicPartition[] = [
  { topic: "topic", partition: 0 },
  { topic: "topic", partition: 1 },
];

const everything = (): Router => ({
  laneOf: (_, partition) => partition,
  partitions: PARTITIONS,
  next: new Float64Array(2),
});

Deno.test("what belongs to no lane or lies below its next offset is dropped", async () => {
  const next = new Float64Array([990]);
  const records = Array.from({ length: 4000 }, (_, index) => ({
    topic: "topic",
    partition: index % 2,
    value: `${index % 2}:${index >> 1}`,
    timestampMs: 1_700_000_000_000 + (index >> 1),
  }));

  await withTaken(records, 1010, {
    laneOf: (_, partition) => partition === 1 ? 0 : -1,
    partitions: [PARTITIONS[1]!],
    next,
  }, (taken) => {
    assert.equal(taken.length, 1010);
    taken.forEach(({ batch, index }, nth) => {
      assert.deepEqual(batch.tp(index), PARTITIONS[1]);
      assert.equal(batch.offset(index), 990 + nth);
      assert.equal(batch.text(index), `1:${990 + nth}`);
      assert.equal(batch.timestamp(index), 1_700_000_000_990 + nth);
    });
    assert.equal(next[0], 2000);
  });
});

Deno.test("the last header of a name is read as text, whatever its length, and another is none", async () => {
  const name = headerName("name");
  const values = ["short", "длинно", "", "x".repeat(1024), "é".repeat(2000)];
  const other = { key: "names", value: "no" };
  const records = values.map((value) => ({
    topic: "topic",
    partition: 0,
    value: "v",
    headers: [{ key: "name", value: "first" }, { key: "name", value }, other],
  }));
  const without = [undefined, [other], [{ key: "name", value: null }]];
  const plain = without.map((headers) => ({
    topic: "topic",
    partition: 0,
    value: "v",
    ...headers === undefined ? {} : { headers },
  }));
  await withTaken([...records, ...plain], 8, everything(), (taken) => {
    assert.deepEqual(
      taken.map(({ batch, index }) => batch.headerText(index, name)),
      [...values, null, null, null],
    );
  });
});

const anyRecord: fc.Arbitrary<OutputRecord> = fc.record({
  topic: fc.constant("topic"),
  partition: fc.nat(1),
  key: fc.option(fc.uint8Array({ maxLength: 3 })),
  value: fc.option(fc.uint8Array({ maxLength: 300 })),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    fc.array(fc.record({ key: fc.constant("h"), value: fc.string() }), {
      minLength: 1,
      maxLength: 70,
    }),
  ),
});

Deno.test("records with headers may have some, whatever their neighbours are like", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRecord, { minLength: 1 }), async (records) => {
      await withTaken(records, records.length, everything(), (taken) => {
        for (const { batch, index } of taken) {
          const hasSome = batch.headers(index).length > 0;
          assert.ok(batch.mayHaveHeaders(index) || !hasSome);
        }
      });
    }),
    { numRuns: 20 },
  );
});

Deno.test("of records without headers only the last of neighbours may have some", async () => {
  const records = Array.from({ length: 500 }, (_, index) => ({
    topic: "topic",
    partition: 0,
    key: index % 3 === 0 ? null : "key",
    value: "v".repeat(1 + index % 200),
  }));
  await withTaken(records, records.length, everything(), (taken) => {
    const unsure = taken.filter(({ batch, index }) =>
      batch.mayHaveHeaders(index)
    );
    assert.ok(unsure.length < 50, `${unsure.length} of ${taken.length}`);
  });
});

Deno.test("bytes that are no UTF-8 can be had as bytes and not as text", async () => {
  const cut = new Uint8Array([0xe2, 0x82]);
  const records = [
    { topic: "topic", partition: 0, key: "key", value: cut },
    { topic: "topic", partition: 0, key: cut, value: "value" },
    { topic: "topic", partition: 0, key: "\ufffd", value: "\ufffd" },
  ];

  await withTaken(records, 3, everything(), ([cutValue, cutKey, replaced]) => {
    const value = cutValue!.batch;
    const key = cutKey!.batch;
    assert.throws(() => value.text(cutValue!.index), EncodingError);
    assert.throws(
      () => value.text(cutValue!.index),
      /value is not valid UTF-8/,
    );
    assert.throws(() => key.keyText(cutKey!.index), /key is not valid UTF-8/);
    assert.deepEqual(value.value(cutValue!.index), cut);
    assert.deepEqual(key.key(cutKey!.index), cut);
    assert.equal(value.keyText(cutValue!.index), "key");
    assert.equal(key.text(cutKey!.index), "value");
    assert.equal(replaced!.batch.text(replaced!.index), "\ufffd");
  });
});

Deno.test("bytes taken out of a batch outlive it", async () => {
  const copies: (Uint8Array | null)[] = [];
  const records = [{
    topic: "topic",
    partition: 0,
    key: "key",
    value: "value",
    headers: [{ key: "name", value: "header" }],
  }];

  await withTaken(records, 1, everything(), ([taken]) => {
    const { batch, index } = taken!;
    copies.push(
      batch.key(index),
      batch.value(index),
      batch.headers(index)[0]!.value,
    );
  });

  assert.deepEqual(copies.map(text), ["key", "value", "header"]);
});

Deno.test("batches count the bytes of their keys and values", async () => {
  const records = [
    { topic: "topic", partition: 0, key: "k\u00e9y", value: "value" },
    { topic: "topic", partition: 0, key: null, value: null },
    { topic: "topic", partition: 1, key: "", value: new Uint8Array(1000) },
  ];

  await withTaken(records, 3, everything(), (taken) => {
    const batches = new Set(taken.map(({ batch }) => batch));
    const sum = [...batches].reduce((sum, it) => sum + it.byteLength, 0);
    assert.equal(sum, 4 + 5 + 1000);
  });
});

Deno.test("a gate sees the last header of each of its names, of the lanes that it guards, and ends a lane where it likes", async () => {
  const due = (...values: (string | null)[]) =>
    values.map((value) => ({ key: "due", value }));
  const records: OutputRecord[] = [
    { partition: 0, value: "none" },
    { partition: 0, value: "null", headers: due("1", null) },
    { partition: 0, value: "empty", headers: due("") },
    {
      partition: 0,
      value: "last",
      headers: [...due("1", "2"), { key: "other", value: "3" }],
    },
    { partition: 0, value: "early", headers: due("99") },
    { partition: 0, value: "behind", headers: due("1") },
    { partition: 1, value: "unguarded", headers: due("99") },
  ].map((each) => ({ topic: "topic", ...each }));
  const router = everything();
  const seen: (string | null)[][] = [];
  const gate = {
    headers: ["due", "other"],
    guards: (lane: number) => lane === 0,
    admits(lane: number, ...values: (string | null)[]) {
      seen.push(values);
      if (values[0] !== "99") return true;
      router.next[lane] = Infinity;
      return false;
    },
  };

  await withTaken(records, 5, { ...router, gate }, (taken) => {
    const values = taken.map(({ batch, index }) => batch.text(index));
    assert.deepEqual(values.sort(), [
      "empty",
      "last",
      "none",
      "null",
      "unguarded",
    ]);
  });
  assert.deepEqual(seen, [
    [null, null],
    [null, null],
    ["", null],
    ["2", "3"],
    ["99", null],
  ]);
});
