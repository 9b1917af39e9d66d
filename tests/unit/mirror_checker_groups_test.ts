import assert from "node:assert/strict";
import { claimOf } from "../checker/commit_metadata.ts";
import { groupCommitOf } from "../mirror/consumer_offsets.ts";
import { CutLedger } from "../mirror/cut_ledger.ts";
import { checkGroup, GroupHistory } from "../mirror/groups.ts";
import { newFindings } from "../mirror/report.ts";
import { kindsOf } from "./support_mirror.ts";

const pairs = {
  size: 4,
  upstream: Float64Array.of(2, 3, 7, 8),
  downstream: Float64Array.of(0, 1, 3, 4),
};

function positions(onSource: readonly number[], onTarget: readonly number[]) {
  const findings = newFindings();
  checkGroup({
    group: "g",
    topic: "t",
    partition: 0,
    pairs,
    onSource,
    onTarget,
    found: (kind, example) => findings.add(kind, () => example),
  });
  return kindsOf(findings.list());
}

Deno.test("a group may have on the target what translates any of its positions on the source", () => {
  assert.deepEqual(positions([0, 3, 5, 9], [0, 1, 2, 5]), []);
  assert.deepEqual(positions([0, 3], []), []);
});

Deno.test("a position between two translations, or beyond them, is wrong", () => {
  assert.deepEqual(positions([0, 9], [0, 2]), ["wrong group position 1"]);
  assert.deepEqual(positions([0, 4], [2, 5]), ["wrong group position 1"]);
  assert.deepEqual(positions([], [0]), ["wrong group position 1"]);
});

function commitBytes(keyVersion: number, valueVersion: number) {
  const key = new DataView(new ArrayBuffer(2 + 3 + 3 + 4));
  key.setInt16(0, keyVersion);
  key.setInt16(2, 1);
  key.setUint8(4, 0x67);
  key.setInt16(5, 1);
  key.setUint8(7, 0x74);
  key.setInt32(8, 5);
  const hasEpoch = valueVersion >= 3;
  const value = new DataView(new ArrayBuffer(hasEpoch ? 17 : 13));
  value.setInt16(0, valueVersion);
  value.setBigInt64(2, 42n);
  value.setInt16(hasEpoch ? 14 : 10, 1);
  value.setUint8(hasEpoch ? 16 : 12, 0x6d);
  return [new Uint8Array(key.buffer), new Uint8Array(value.buffer)] as const;
}

Deno.test("commits of every version are read, and nothing else of the topic", () => {
  for (const valueVersion of [1, 3, 4]) {
    const [key, value] = commitBytes(1, valueVersion);
    assert.deepEqual(groupCommitOf(key, value), {
      group: "g",
      topic: "t",
      partition: 5,
      position: { offset: 42, metadata: "m" },
    });
    assert.equal(groupCommitOf(key, null)!.position, null);
  }
  const [metadata, value] = commitBytes(2, 3);
  assert.equal(groupCommitOf(metadata, value), undefined);
});

Deno.test("a group's positions are kept by partition, in order", () => {
  const history = new GroupHistory();
  for (const offset of [3, 3, 7]) {
    history.observe({
      group: "g",
      topic: "t",
      partition: 1,
      position: { offset, metadata: "" },
    });
  }
  history.observe({ group: "g", topic: "t", partition: 1, position: null });
  assert.deepEqual(history.of("g", "t", 1), [3, 7]);
  assert.deepEqual(history.of("g", "t", 0), []);
});

function judged(ledger: CutLedger, offset: number, metadata = "") {
  const findings = newFindings();
  const done = ledger.judge("t", 0, {
    claims: claimOf(offset, metadata),
    found: (kind, example) => findings.add(kind, () => example),
  });
  return { done, kinds: kindsOf(findings.list()) };
}

function ledgerOf(outputs: readonly number[], wanted?: () => number) {
  const ledger = new CutLedger(wanted);
  for (let id = 0; id < 6; id++) ledger.input("t", 0, 10 + id, id);
  for (const id of outputs) ledger.output(id);
  return ledger;
}

Deno.test("a cut is consistent while every input below the position has its output", () => {
  assert.deepEqual(judged(ledgerOf([0, 1, 2]), 13), { done: 3, kinds: [] });
  assert.deepEqual(judged(ledgerOf([4]), 10), { done: 0, kinds: [] });
});

Deno.test("an input below the position without its output is found", () => {
  assert.deepEqual(judged(ledgerOf([0, 2]), 13), {
    done: 2,
    kinds: ["missing output 1"],
  });
});

Deno.test("an input that the metadata settles needs its output too", () => {
  // From offset 11 on: one open, then two settled.
  const metadata = `sy1r:${btoa(String.fromCharCode(1, 2))}`;
  assert.deepEqual(judged(ledgerOf([0, 2, 3]), 11, metadata).kinds, []);
  assert.deepEqual(judged(ledgerOf([0, 2]), 11, metadata).kinds, [
    "missing output 1",
  ]);
});

Deno.test("an output that is there later makes a later judgement right, and verified inputs are not judged again", () => {
  const ledger = ledgerOf([0]);
  assert.deepEqual(judged(ledger, 12).kinds, ["missing output 1"]);
  ledger.output(1);
  assert.deepEqual(judged(ledger, 12), { done: 1, kinds: [] });
  assert.deepEqual(judged(ledger, 12), { done: 0, kinds: [] });
});

Deno.test("an input that demands several outputs is done with all of them", () => {
  assert.deepEqual(judged(ledgerOf([0], () => 2), 11).kinds, [
    "missing output 1",
  ]);
  assert.deepEqual(judged(ledgerOf([0, 0], () => 2), 11).kinds, []);
  assert.deepEqual(judged(ledgerOf([], () => 0), 16), { done: 6, kinds: [] });
});
