import assert from "node:assert/strict";
import fc from "fast-check";
import { type Ownership, Ownerships } from "../../dr/follow/ownerships.ts";

const tpOf = (partition: number) => ({ topic: "t", partition });
const step = fc.record({
  what: fc.constantFrom("begin" as const, "close" as const, "end" as const),
  partition: fc.nat(5),
});

Deno.test("a partition has one ownership at a time, and an ended one stays ended", () => {
  fc.assert(fc.property(fc.array(step), (steps) => {
    const ownerships = new Ownerships();
    /** By partition: the ownership that is not over, and whether it closes. */
    const current = new Map<number, { of: Ownership; isClosing: boolean }>();
    const ended: Ownership[] = [];
    const end = (partition: number) => {
      const found = current.get(partition);
      if (found !== undefined) ended.push(found.of);
      current.delete(partition);
    };
    for (const { partition, what } of steps) {
      const tp = tpOf(partition);
      switch (what) {
        case "begin": {
          end(partition);
          ownerships.begin(tp);
          const lane = ownerships.laneOf("t", partition);
          assert.equal(ownerships.next[lane], 0);
          ownerships.next[lane] = 1;
          const of = ownerships.ofLane(lane);
          current.set(partition, { of, isClosing: false });
          break;
        }
        case "close": {
          const found = current.get(partition);
          assert.equal(ownerships.close(tp), found?.of ?? null);
          if (found !== undefined) found.isClosing = true;
          break;
        }
        case "end":
          end(partition);
          ownerships.end(tp);
      }
      for (const [partition, { isClosing, of }] of current) {
        const lane = ownerships.laneOf("t", partition);
        assert.equal(lane < 0, isClosing);
        if (lane >= 0) assert.equal(ownerships.ofLane(lane), of);
      }
      assert.ok(ended.every(({ isOver }) => isOver));
      assert.ok([...current.values()].every(({ of }) => !of.isOver));
    }
  }));
});

Deno.test("there are lanes for as many partitions as come, and they are used again", () => {
  const ownerships = new Ownerships();
  for (let round = 0; round < 3; round++) {
    for (let partition = 0; partition < 1000; partition++) {
      ownerships.begin(tpOf(partition));
    }
    const lanes = new Set(
      Array.from({ length: 1000 }, (_, each) => ownerships.laneOf("t", each)),
    );
    assert.equal(lanes.size, 1000);
    assert.equal(ownerships.partitions.length, 1000);
    assert.ok(ownerships.next.length >= 1000);
    ownerships.endAll();
  }
  assert.equal(ownerships.laneOf("t", 0), -1);
});
