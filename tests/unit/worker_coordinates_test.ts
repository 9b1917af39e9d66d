/** What outputs say of their inputs, and which of them are not sent again. */
import assert from "node:assert/strict";
import {
  ErrorCode,
  type Header,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import { parseCoordinates } from "../../src/pool/coordinates.ts";
import type { DoneOutputs } from "../../src/pool/done_outputs.ts";
import type { CoordinatesJob } from "../../workers/output_coordinates.ts";
import { fakeClock } from "./support_clock.ts";
import {
  acknowledged,
  DELAY_TOPIC,
  SAYING,
  transactional,
} from "./support_sinks.ts";
import { batchOf, type FakeRecord, TOPIC } from "./support_worker_fakes.ts";

const HEADER = "switchyard.coordinates";
const job = (done: DoneOutputs | null = null): CoordinatesJob => ({
  ...SAYING,
  done,
});
const input = { topic: TOPIC, topicId: "input-id", partition: 0 };
/** Of inputs that had so many outputs in a topic. */
const doneOf = (
  output: string,
  count: number,
  ...outputs: [number, ...number[]][]
): DoneOutputs => [{ ...input, output, count, outputs }];
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const old: Header & { value: Uint8Array<ArrayBuffer> } = {
  key: HEADER,
  value: encoder.encode("other/id/0/1/0/1/there/them"),
};
const failure = { attempts: 1, firstMs: 0 };
const postponement = { delayMs: 1000, failure, reason: "down" };

type Sinks = ReturnType<typeof acknowledged | typeof transactional>;
type Use = Pick<Sinks, "settlement" | "sink" | "outbox">;

const textOf = (value: Header["value"]) =>
  value instanceof Uint8Array ? decoder.decode(value) : value ?? "";

/** All of this name. */
const coordinatesOf = ({ headers = [] }: OutputRecord) =>
  headers.filter(({ key }) => key === HEADER).map(({ value }) => textOf(value));

/** Ordinal and count of what is on its way, with its topic. */
const places = ({ outbox }: Pick<Use, "outbox">) =>
  outbox.sent.map(({ record }) => {
    const { ordinal, count } = parseCoordinates(coordinatesOf(record)[0]!)!;
    return `${record.topic} ${ordinal}/${count}`;
  });

/** An input with so many results, of which each has its number as its value. */
function give(
  { settlement, sink }: Use,
  offset: number,
  count: number,
  record: Partial<FakeRecord> = {},
) {
  const ticket = settlement.open(batchOf([{ lane: 0, offset, ...record }]));
  for (let ordinal = 0; ordinal < count; ordinal++) {
    sink.add(ticket, 0, { topic: "out", value: `${ordinal}` }, count);
  }
  settlement.done(ticket, 0);
  sink.flush();
  return ticket;
}

const values = ({ outbox }: Pick<Use, "outbox">) =>
  outbox.sent.map(({ record }) => record.value);

for (
  const [guarantee, make] of [
    ["at least once", (done?: DoneOutputs) => acknowledged(job(done))],
    ["exactly once", (done?: DoneOutputs) => transactional([], job(done))],
  ] as const
) {
  Deno.test(`${guarantee}, each output says which one it is of which input`, () => {
    using _clock = fakeClock();
    const it = make();
    give(it, 7, 0);
    give(it, 8, 1);
    give(it, 9, 3);
    assert.deepEqual(
      it.outbox.sent.flatMap(({ record }) => coordinatesOf(record)),
      [
        "cluster/input-id/0/8/0/1/out/group",
        "cluster/input-id/0/9/0/3/out/group",
        "cluster/input-id/0/9/1/3/out/group",
        "cluster/input-id/0/9/2/3/out/group",
      ],
    );
  });

  Deno.test(`${guarantee}, what is there already is not sent, and its input is done`, () => {
    using _clock = fakeClock();
    const it = make([
      ...doneOf("out", 3, [0, 1], [1, 0, 1, 2]),
      ...doneOf(DELAY_TOPIC, 1, [2, 0]),
    ]);
    give(it, 0, 3);
    give(it, 1, 3);
    give(it, 2, 2);
    give(it, 3, 1);
    assert.deepEqual(places(it), ["out 0/3", "out 2/3", "out 0/1"]);
    it.sink.settle(true, true);
    it.outbox.report();
    it.sink.collect();
    assert.equal(it.settlement.idle, true);
    if ("commits" in it) {
      assert.deepEqual(it.nexts(), [[4]]);
      it.sink.committed();
    }
    it.sink.publish();
    const counts = (["consumed", "produced", "alreadyDone", "skipped"] as const)
      .map((name) => it.view.counter(name));
    assert.deepEqual(counts, [4, 3, 6, 0]);
  });

  Deno.test(`${guarantee}, a dead letter or a place in a delay topic that is there already is not sent`, () => {
    using _clock = fakeClock();
    const it = make([
      ...doneOf("dead", 1, [0, 0]),
      ...doneOf(DELAY_TOPIC, 1, [1, 0]),
    ]);
    const ticket = it.settlement.open(
      batchOf([{ lane: 0, offset: 0 }, { lane: 0, offset: 1 }]),
    );
    it.sink.reject(ticket, 0, "bad");
    it.sink.postpone(ticket, 1, postponement);
    for (const index of [0, 1]) it.settlement.done(ticket, index);
    it.sink.flush();
    assert.deepEqual(it.outbox.sent, []);
    assert.equal(it.settlement.idle, true);
  });
}

Deno.test("a dead letter and a record in a delay topic are the only outputs of their inputs", () => {
  const it = acknowledged(job());
  const ticket = it.settlement.open(
    batchOf([{ lane: 0, offset: 5 }, { lane: 0, offset: 6 }]),
  );
  it.sink.reject(ticket, 0, "bad");
  it.sink.postpone(ticket, 1, postponement);
  it.sink.flush();
  assert.deepEqual(
    it.outbox.sent.map(({ record }) => coordinatesOf(record)),
    [
      ["cluster/input-id/0/5/0/1/dead/group"],
      [`cluster/input-id/0/6/0/1/${DELAY_TOPIC}/group`],
    ],
  );
});

Deno.test("what comes of a record in a delay topic says where it is there", () => {
  const it = acknowledged(job());
  const lane = it.settlement.own({
    tp: { topic: DELAY_TOPIC, partition: 4 },
    epoch: 2,
    next: 0,
    beyond: [],
  });
  give(it, 11, 1, { topic: DELAY_TOPIC, lane });
  assert.deepEqual(coordinatesOf(it.outbox.sent[0]!.record), [
    "cluster/delay-id/4/11/0/1/out/group",
  ]);
});

Deno.test("coordinates that the input came with are not passed on, also where outputs have none", () => {
  for (
    const [sink, expected] of [
      [acknowledged(job()), ["cluster/input-id/0/0/0/1/out/group"]],
      [acknowledged(), []],
    ] as const
  ) {
    const kept = { key: "trace", value: "a" };
    const ticket = sink.settlement.open(
      batchOf(
        [0, 1, 2].map((offset) => ({ lane: 0, offset, headers: [old] })),
      ),
    );
    const output = { topic: "out", value: "", headers: [old, kept, old] };
    sink.sink.add(ticket, 0, output, 1);
    sink.sink.reject(ticket, 1, "bad");
    sink.sink.postpone(ticket, 2, postponement);
    sink.sink.flush();
    const [result, ...others] = sink.outbox.sent.map(({ record }) => record);
    assert.deepEqual(coordinatesOf(result!), expected);
    assert.deepEqual(result!.headers![0], kept);
    for (const record of others) {
      assert.equal(coordinatesOf(record).length, expected.length);
      assert.notEqual(coordinatesOf(record)[0], textOf(old.value));
    }
  }
});

Deno.test("the dead letter of an only output has its place, one beside others the place behind them", () => {
  const alone = acknowledged(job());
  give(alone, 0, 1);
  alone.outbox.report(ErrorCode.messageSizeTooLarge);
  alone.sink.flush();
  assert.deepEqual(places(alone), ["dead 0/1"]);
  alone.outbox.report(ErrorCode.messageSizeTooLarge);
  alone.sink.flush();
  assert.deepEqual(places(alone), ["dead 0/1"], "without its value");

  const beside = acknowledged(job());
  beside.outbox.tooLarge = "1";
  give(beside, 0, 3);
  beside.sink.flush();
  assert.deepEqual(places(beside), ["out 0/3", "out 2/3", "dead 3/4"]);

  const again = acknowledged(
    job([...doneOf("out", 3, [0, 0]), ...doneOf("dead", 4, [0, 3])]),
  );
  again.outbox.tooLarge = "1";
  give(again, 0, 3);
  again.sink.flush();
  assert.deepEqual(places(again), ["out 2/3"]);
});

Deno.test("a postponed record that the cluster refuses is the dead letter of the same place", () => {
  const it = acknowledged(job());
  const ticket = it.settlement.open(batchOf([{ lane: 0, offset: 0 }]));
  it.sink.postpone(ticket, 0, postponement);
  it.sink.flush();
  it.outbox.report(ErrorCode.messageSizeTooLarge);
  it.sink.flush();
  assert.deepEqual(places(it), ["dead 0/1"]);
});

Deno.test("an input that brokers have refused before is a dead letter with a place of its own", () => {
  const refused = [{
    tp: { topic: TOPIC, partition: 0 },
    offset: 0,
    reason: "too large",
    withValue: true,
  }];
  const it = transactional(refused, job());
  give(it, 0, 3);
  assert.deepEqual(places(it), ["dead 0/1"]);
});

Deno.test("an output whose input is overtaken by all that is done is looked up all the same", () => {
  const it = acknowledged(job(doneOf("out", 2, [0, 0], [1, 0])));
  const slow = it.settlement.open(batchOf([{ lane: 0, offset: 0 }]));
  for (const offset of [1, 2, 3]) give(it, offset, 2);
  it.sink.add(slow, 0, { topic: "out", value: "0" }, 2);
  it.sink.add(slow, 0, { topic: "out", value: "1" }, 2);
  it.settlement.done(slow, 0);
  it.sink.flush();
  assert.deepEqual(values(it), ["1", "0", "1", "0", "1", "1"]);
});

Deno.test("inputs that come once more, under another ownership, have the same outputs done", () => {
  const it = acknowledged(job(doneOf("out", 1, [1, 0])));
  const handle = () =>
    [0, 1, 2, 3].flatMap((offset) => {
      give(it, offset, 1);
      const sent = it.outbox.sent.map(({ record }) => coordinatesOf(record)[0]);
      it.outbox.report(); // so that nothing of it can come once more
      return sent;
    });
  const first = handle();
  assert.equal(first.length, 3);
  it.settlement.release(0);
  it.sink.takeChanged(false, false);
  assert.equal(it.settlement.takeReleased().length, 1);
  const lane = it.settlement.own({
    tp: { topic: TOPIC, partition: 0 },
    epoch: 9,
    next: 0,
    beyond: [],
  });
  assert.equal(lane, 0);
  assert.deepEqual(handle(), first);
});

Deno.test("the records of a topic that was created again have its new id, and nothing of them is done", () => {
  const it = acknowledged(job(doneOf("out", 1, [0, 0])));
  const lane = it.settlement.own({
    tp: { topic: TOPIC, partition: 0 },
    epoch: 2,
    next: 0,
    beyond: [],
    topicId: "new-id",
  });
  give(it, 0, 1, { lane });
  assert.deepEqual(coordinatesOf(it.outbox.sent[0]!.record), [
    "cluster/new-id/0/0/0/1/out/group",
  ]);
});

Deno.test("a job without coordinates sends all, and without headers", () => {
  const done = doneOf("out", 3, [0, 1]);
  const it = acknowledged({ ...job(done), coordinates: null });
  give(it, 0, 3);
  assert.deepEqual(values(it), ["0", "1", "2"]);
  assert.ok(it.outbox.sent.every(({ record }) => !record.headers));
});

Deno.test("an output is not taken for one of another topic, or among as many others", () => {
  const it = acknowledged(
    job([...doneOf("audit", 2, [0, 0]), ...doneOf("out", 3, [0, 1])]),
  );
  give(it, 0, 2);
  assert.deepEqual(places(it), ["out 0/2", "out 1/2"]);
});

Deno.test("a topic whose id nobody knows is an error, and no wrong coordinates", () => {
  const it = acknowledged({
    ...job(),
    coordinates: { clusterId: "cluster", topicIds: {} },
  });
  assert.throws(() => give(it, 0, 1), /id of topic "in"/);
});
