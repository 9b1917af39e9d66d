import assert from "node:assert/strict";
import process from "node:process";
import {
  decodeLaneRecord,
  encodeDelta,
  encodeSnapshot,
  OffsetMap,
  type PartitionDelta,
} from "../../dr/offset_map/mod.ts";

const TOPICS = 100;
const PARTITIONS = 100;
const LANES = 16;
/** In the snapshot of each partition: the last 100 transactions, say. */
const RUNS = 100;
/** Of each partition after the snapshot. */
const DELTAS = 10;
const RECORDS = 7;

/** A transaction's records, then its marker in the target. */
const runAt = (at: number) => ({
  upstream: at * RECORDS,
  downstream: at * (RECORDS + 1),
  length: RECORDS,
});
const laneOf = (topic: number, partition: number) =>
  (topic * PARTITIONS + partition) % LANES;
const partitionsOf = (lane: number, from: number, to: number) => {
  const all: PartitionDelta[] = [];
  for (let topic = 0; topic < TOPICS; topic++) {
    const id = new Uint8Array(16).fill(topic);
    const topicId = id.toBase64({ alphabet: "base64url", omitPadding: true });
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (laneOf(topic, partition) !== lane) continue;
      all.push({
        topic: `topic-${topic}`,
        topicId,
        partition,
        position: to * RECORDS,
        leaderEpoch: 4,
        runs: Array.from({ length: to - from }, (_, at) => runAt(from + at)),
      });
    }
  }
  return all;
};

Deno.test("10,000 partitions of 110 runs each are loaded from the logs of 16 lanes", () => {
  const logs = Array.from({ length: LANES }, (_, lane) => {
    const log = encodeSnapshot(3, partitionsOf(lane, 0, RUNS), 900_000);
    for (let at = RUNS; at < RUNS + DELTAS; at++) {
      log.push(encodeDelta(3, partitionsOf(lane, at, at + 1)));
    }
    return log;
  });
  const bytes = logs.flat().reduce((sum, { length }) => sum + length, 0);

  const map = new OffsetMap();
  const load = timed(() => {
    for (const [lane, log] of logs.entries()) {
      for (const record of log) map.apply(lane, decodeLaneRecord(record));
    }
  });

  const positions = [...map.partitions()];
  assert.equal(positions.length, TOPICS * PARTITIONS);
  const end = (RUNS + DELTAS) * RECORDS;
  assert.ok(
    positions.every(({ position, era }) => position === end && era === 3),
  );
  for (const { topic, partition, lane } of positions) {
    assert.equal(lane, laneOf(Number(topic.slice(6)), partition));
    const source = { topic, partition };
    for (const at of [0, 1, 7, 8, 350, end]) {
      const transactions = Math.max(0, Math.ceil(at / RECORDS) - 1);
      assert.deepEqual(map.translate(source, at), {
        offset: at + transactions,
        exact: true,
      });
    }
  }
  const snapshots: Uint8Array[][] = [];
  const write = timed(() => {
    for (let lane = 0; lane < LANES; lane++) {
      const { era, partitions } = map.snapshotOf(lane);
      snapshots.push(encodeSnapshot(era, partitions, 900_000));
    }
  });
  const late = new OffsetMap();
  for (const [lane, parts] of snapshots.entries()) {
    for (const part of parts) late.apply(lane, decodeLaneRecord(part));
  }
  for (const { topic, partition } of positions) {
    const source = { topic, partition };
    assert.deepEqual(late.position(source), map.position(source));
    assert.deepEqual(late.translate(source, 401), map.translate(source, 401));
  }
  console.log(
    `${(bytes / 1e6).toFixed(1)} MB loaded in ${load}, snapshots written in ` +
      write,
  );
});

/** On a busy machine the time of the processor says more. */
function timed(run: () => void): string {
  const [before, beginMs] = [process.cpuUsage(), performance.now()];
  run();
  const { user, system } = process.cpuUsage(before);
  const passedMs = performance.now() - beginMs;
  return `${passedMs.toFixed()} ms (cpu ${((user + system) / 1000).toFixed()})`;
}
