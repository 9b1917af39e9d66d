/** What a mirror's transactions write beside the records. */
import assert from "node:assert/strict";
import {
  decodeSourcePosition,
  encodeSourcePosition,
} from "../../dr/formats/mod.ts";
import { decodeLaneRecord } from "../../dr/offset_map/mod.ts";
import {
  type Batch,
  KafkaError,
  type OnReport,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import { PageView, WorkerPage } from "../../src/pool/page.ts";
import type {
  MirrorBeginning,
  Position,
  TransactionNote,
} from "../../src/pool/protocol.ts";
import { LevelSwitch } from "../../src/telemetry/log.ts";
import { type CopyOutbox, MirrorSink } from "../../workers/mirror_sink.ts";
import { Settlement } from "../../workers/settlement.ts";
import { batchOf, LIMITS, TOPIC } from "./support_worker_fakes.ts";

const TOPIC_ID = "A".repeat(22);
const TP = { topic: TOPIC, partition: 0 };

/** Copies lie on the target from `end` on once they are reported. */
class FakeOutbox implements CopyOutbox {
  readonly written: OutputRecord[] = [];
  readonly #sent: (readonly [slot: number, index: number])[] = [];
  readonly #onReport: OnReport;
  end = 500;
  pendingBytes = 0;

  constructor(onReport: OnReport) {
    this.#onReport = onReport;
  }

  get pendingRecords(): number {
    return this.#sent.length;
  }

  copy(slot: number, _: Batch, first: number, end: number): void {
    for (let at = first; at < end; at++) this.#sent.push([slot, at]);
  }

  add(_slot: number, _index: number, record: OutputRecord): void {
    this.written.push(record);
  }

  report(): void {
    for (const [slot, index] of this.#sent.splice(0)) {
      this.#onReport(slot, index, 0, false, this.end++);
    }
  }

  send() {}
  hurry() {}
  settled() {
    return Promise.resolve();
  }
  collect() {
    return [];
  }
  waitAndCollect() {
    return Promise.resolve([]);
  }
  wake() {}
  [Symbol.dispose]() {}
}

function mirror(next: number, beginning: Partial<MirrorBeginning> = {}) {
  const settlement = new Settlement();
  const commits: { positions: readonly Position[]; note: TransactionNote }[] =
    [];
  const changes: number[] = [];
  const aborts: string[] = [];
  let outbox: FakeOutbox | undefined;
  const sink = new MirrorSink({
    openOutbox: (onReport) => outbox = new FakeOutbox(onReport),
    errorOf: (code, doing) =>
      new KafkaError(doing, { code, codeName: String(code) }),
    page: new WorkerPage(new PageView().memory),
    settlement,
    job: {
      source: "primary",
      laneTopic: "lanes",
      lane: 2,
      offsetsTopic: "offsets",
      era: 0,
      limits: LIMITS,
      transaction: { intervalMs: 1, mostMs: 5000, records: 1 },
      logLevel: new LevelSwitch("error").memory,
    },
    commit: (positions, note) => commits.push({ positions, note }),
    onLogChanged: (_, offset) => changes.push(offset),
    onAborted: ({ message }) => aborts.push(message),
  });
  sink.aim([{ topic: TOPIC, topicId: TOPIC_ID, target: "primary.in" }]);
  sink.begin([{ epoch: 1, leaderEpoch: null, runs: [], ...beginning }]);
  const isUnrecorded = beginning.runs !== undefined;
  const position = { tp: TP, epoch: 1, next, beyond: [], isUnrecorded };
  settlement.own(position);
  /** Each record by its offset and the epoch of its leader. */
  const copy = (...records: readonly (readonly [number, number])[]) =>
    sink.copy(settlement.open(batchOf(
      records.map(([offset, leaderEpoch]) => ({
        lane: 0,
        offset,
        leaderEpoch,
      })),
    )));
  /** Ends the transaction; what its record in the lane's log says. */
  const commit = () => {
    outbox!.report();
    sink.settle(true, false);
    const { note } = commits.at(-1)!;
    sink.committed();
    const [partition] = decodeLaneRecord(note.delta).partitions;
    return partition!;
  };
  return { aborts, changes, commit, commits, copy, outbox: outbox!, sink };
}

Deno.test("the lane's log has the leader epoch of the last record, also where it changes amid a batch", () => {
  const { commit, copy } = mirror(10);
  copy([10, 3], [11, 3]);
  const first = commit();
  assert.equal(first.position, 12);
  assert.equal(first.leaderEpoch, 3);
  copy([12, 3], [13, 5]);
  assert.equal(commit().leaderEpoch, 5);
});

Deno.test("the leader epoch that was known at the beginning stays until there are records, and goes where brokers do not say one", () => {
  const known = mirror(10, { leaderEpoch: 4, runs: [] });
  assert.equal(known.commit().leaderEpoch, 4);
  known.copy([10, -1]);
  assert.equal(known.commit().leaderEpoch, null);
});

Deno.test("a record of an older leader than the last one that was ever mirrored is not copied", () => {
  const { aborts, changes, copy, outbox } = mirror(10, { leaderEpoch: 4 });
  copy([10, 3]);
  assert.deepEqual(changes, [10]);
  assert.equal(aborts.length, 1);
  assert.equal(outbox.pendingRecords, 0);

  const amid = mirror(10, { leaderEpoch: 4 });
  amid.copy([10, 4], [11, 2]);
  assert.deepEqual(amid.changes, [11]);
});

Deno.test("what is known of others' records stands in the first transaction, with or without records, and in no other", () => {
  const mark = { upstream: 100, downstream: 490, length: 0 };
  const idle = mirror(100, { runs: [mark] });
  assert.deepEqual(idle.commit().runs, [mark]);
  idle.copy([100, 0]);
  assert.deepEqual(idle.commit().runs, [
    { upstream: 100, downstream: 500, length: 1 },
  ]);

  const busy = mirror(100, { runs: [mark] });
  busy.copy([103, 0], [104, 0]);
  assert.deepEqual(busy.commit().runs, [
    mark,
    { upstream: 103, downstream: 500, length: 2 },
  ]);
});

Deno.test("MirrorMaker 2 finds the position of the transaction, and none of a partition that begins anew", () => {
  const { commit, copy, outbox } = mirror(0, { runs: [] });
  const { key, value } = encodeSourcePosition({
    ...TP,
    cluster: "primary",
    next: 2,
  });
  const positions = () =>
    outbox.written.filter(({ topic }) => topic === "offsets");
  commit();
  copy([0, 0], [1, 0]);
  commit();
  assert.deepEqual(positions(), [
    { topic: "offsets", key, value: null },
    { topic: "offsets", key, value },
  ]);
  assert.equal(decodeSourcePosition(key, null)?.next, null);
});
