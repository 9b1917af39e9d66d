import assert from "node:assert/strict";
import { ErrorCode, KafkaError } from "../../src/kafka/mod.ts";
import type { Ownership, Position } from "../../src/pool/protocol.ts";
import { Router } from "../../workers/router.ts";

const position = (
  topic: string,
  partition: number,
  epoch: number,
  next = 0,
): Position => ({ tp: { topic, partition }, epoch, next, beyond: [] });

const unexpected = () => assert.fail("no failure was expected");

Deno.test("a partition that was opened has its lane, its position and its name", () => {
  const router = new Router(unexpected);
  router.open(2, position("in", 7, 1, 55));
  assert.equal(router.laneOf("in", 7), 2);
  assert.equal(router.next[2], 55);
  assert.deepEqual(router.partitions[2], { topic: "in", partition: 7 });
});

Deno.test("what was never opened has no lane", () => {
  const router = new Router(unexpected);
  router.open(0, position("in", 1, 1));
  assert.equal(router.laneOf("in", 0), -1);
  assert.equal(router.laneOf("other", 1), -1);
});

Deno.test("topics do not share lanes", () => {
  const router = new Router(unexpected);
  router.open(0, position("a", 1, 1));
  router.open(1, position("b", 1, 2));
  assert.deepEqual([router.laneOf("a", 1), router.laneOf("b", 1)], [0, 1]);
  router.close(0);
  assert.deepEqual([router.laneOf("a", 1), router.laneOf("b", 1)], [-1, 1]);
});

Deno.test("closing one partition leaves the others of its topic open", () => {
  const router = new Router(unexpected);
  router.open(0, position("in", 1, 1));
  router.open(1, position("in", 2, 2));
  router.close(0);
  assert.deepEqual([router.laneOf("in", 1), router.laneOf("in", 2)], [-1, 1]);
  assert.equal(router.empty, false);
});

Deno.test("nothing is taken for a lane that was closed", () => {
  const router = new Router(unexpected);
  router.open(0, position("in", 1, 1));
  assert.equal(router.empty, false);
  router.close(0);
  assert.equal(router.laneOf("in", 1), -1);
  assert.equal(router.empty, true);
});

Deno.test("closing an old lane leaves the partition to the lane that has it now", () => {
  const router = new Router(unexpected);
  router.open(0, position("in", 1, 1));
  router.close(0);
  router.open(1, position("in", 1, 2));
  router.close(0);
  assert.equal(router.laneOf("in", 1), 1);
});

Deno.test("an ownership is found by its epoch, as long as it is open", () => {
  const router = new Router(unexpected);
  const [old, current] = [position("in", 1, 8), position("in", 1, 9)];
  router.open(0, old);
  assert.equal(router.find(old), 0);
  router.close(0);
  assert.equal(router.find(old), -1);
  router.open(1, current);
  assert.equal(router.find(old), -1);
  assert.equal(router.find(current), 1);
});

Deno.test("a lane that is used again belongs to the new ownership alone", () => {
  const router = new Router(unexpected);
  router.open(0, position("in", 1, 1, 10));
  router.close(0);
  router.open(0, position("in", 2, 2, 20));
  assert.equal(router.find(position("in", 1, 1)), -1);
  assert.equal(router.laneOf("in", 1), -1);
  assert.equal(router.laneOf("in", 2), 0);
  assert.equal(router.next[0], 20);
});

Deno.test("a thousand lanes keep the positions that they have reached", () => {
  const router = new Router(unexpected);
  for (let lane = 0; lane < 1000; lane++) {
    router.open(lane, position("in", lane, lane, lane * 10));
    router.next[lane]! += 1;
  }
  for (let lane = 0; lane < 1000; lane++) {
    assert.equal(router.next[lane], lane * 10 + 1);
    assert.equal(router.laneOf("in", lane), lane);
  }
});

Deno.test("a fetch error is told under the ownership of its partition, others are dropped", () => {
  const failures: [Ownership, KafkaError][] = [];
  const router = new Router((...failure) => failures.push(failure));
  const error = new KafkaError("gone", {
    code: ErrorCode.offsetOutOfRange,
    codeName: "OFFSET_OUT_OF_RANGE",
  });
  router.open(0, position("in", 1, 31));
  router.failed({ topic: "in", partition: 1 }, error);
  router.failed({ topic: "in", partition: 2 }, error);
  router.close(0);
  router.failed({ topic: "in", partition: 1 }, error);
  assert.deepEqual(failures, [
    [{ tp: { topic: "in", partition: 1 }, epoch: 31 }, error],
  ]);
});

Deno.test("the end of a partition is told once, where there is something between it and the last record", () => {
  const router = new Router(() => {});
  router.open(0, position("in", 1, 31));
  router.open(1, position("in", 2, 32));
  router.next[0] = 16;
  router.next[1] = 17;
  router.ended(0, 17);
  router.ended(1, 17);
  assert.deepEqual([...router.takeEnds()], [[0, 17]]);
  assert.deepEqual([...router.takeEnds()], []);
});

Deno.test("the end of a partition does not count where its lane was closed, before or in the same batch", () => {
  const router = new Router(() => {});
  router.open(0, position("in", 1, 31));
  router.open(1, position("in", 2, 32));
  router.ended(0, 17);
  router.close(0);
  router.close(1);
  router.ended(1, 17);
  assert.deepEqual([...router.takeEnds()], []);
});
