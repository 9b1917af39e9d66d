import assert from "node:assert/strict";
import fc from "fast-check";
import { batchLimit } from "../../dr/mirror/batch_limit.ts";
import { laneOf } from "../../dr/mirror/names.ts";

const DEFAULT = 1_000_000;

const topic = fc.record({
  topic: fc.string({ minLength: 1 }),
  partitions: fc.integer({ min: 1, max: 12 }),
  limit: fc.option(fc.integer({ min: 0, max: 2 * DEFAULT })),
});

Deno.test("a lane's batches are as large as the most modest of its own targets takes, whatever other lanes have", () => {
  fc.assert(fc.property(
    fc.uniqueArray(topic, { selector: (each) => each.topic }),
    fc.integer({ min: 1, max: 8 }),
    fc.option(fc.integer({ min: 1, max: DEFAULT }), { nil: undefined }),
    (topics, lanes, wanted) => {
      const limits = new Map(topics.map((each) => [each.topic, each.limit]));
      for (let lane = 0; lane < lanes; lane++) {
        const own = topics.filter(({ topic, partitions }) =>
          Array.from({ length: partitions }, (_, at) => at)
            .some((partition) => laneOf({ topic, partition }, lanes) === lane)
        );
        assert.equal(
          batchLimit({
            lane,
            lanes,
            wanted,
            topics: topics.map((each) => ({
              ...each,
              topicId: "id",
              target: each.topic,
            })),
            limitOf: (target) => limits.get(target)!,
          }),
          Math.max(
            1,
            Math.min(
              wanted ?? DEFAULT,
              ...own.map(({ limit }) => limit ?? Infinity),
            ),
          ),
        );
      }
    },
  ));
});
