/** The task `mirror` with a topic of very many partitions, on Apache Kafka. */
import assert from "node:assert/strict";
import { mirrorSteps } from "../support/mirror_pair.ts";
import { sized } from "../support/soak.ts";

const partitions = sized(500, 2_000);
const perPartition = 6;
/** For what takes longer with more partitions. */
const patienceMs = sized(180_000, 600_000);

/** Seen were 170 MiB with 500 partitions. */
const mostBytes = sized(350, 700) * 2 ** 20;
const inMib = (bytes: number) => Math.round(bytes / 2 ** 20);

const records = (prefix: string) =>
  Array.from(
    { length: perPartition },
    (_, at) =>
      Array.from({ length: partitions }, (_, partition) => ({
        partition,
        key: `${partition}`,
        value: `${prefix}-${at}`,
      })),
  ).flat();

mirrorSteps("a topic of very many partitions", { heapMb: 512 }, {
  async "all of it is mirrored, goes on after a restart, and memory stays within bounds"(
    pair,
    topic,
  ) {
    const { client } = pair.source;
    await pair.create(topic, partitions);
    await client.produce(topic, records("first"));
    for (const life of ["first", "second"]) {
      await using mirror = pair.mirror([topic]);
      await pair.caughtUp([topic], [mirror], patienceMs);
      const restingBytes = await mirror.memoryBytes();
      await client.produce(topic, records(life));
      await client.produce(topic, records(life), { transaction: "commit" });
      // Its markers come a little later; before them, its records are no end.
      await client.visitTopic(topic, () => {}, {
        isolation: "read_committed",
        awaitTransactions: true,
      });
      await pair.caughtUp([topic], [mirror], patienceMs);
      const { lanes, damage } = await mirror.status();
      assert.deepEqual(damage, []);
      const shown = lanes.flatMap((each) => each.partitions)
        .filter((each) => each.topic === topic && each.isMirrored);
      assert.equal(shown.length, partitions);
      const bytes = await mirror.memoryBytes();
      const peakBytes = await mirror.child.peakMemoryBytes();
      console.log(
        `${life} life of the mirror, ${partitions} partitions: ` +
          `${inMib(restingBytes)} MiB after the start, ${inMib(bytes)} MiB ` +
          `after a load, at most ${inMib(peakBytes)} MiB; lanes began anew ` +
          `${mirror.beginnings().length} times`,
      );
      assert.ok(
        peakBytes < mostBytes,
        `${inMib(peakBytes)} MiB are too much`,
      );
      await mirror.stop();
    }
    const { counts } = await pair.isExact([{ name: topic }]);
    assert.equal(counts.partitions, partitions);
    assert.equal(counts.paired, 5 * perPartition * partitions);
  },
});
