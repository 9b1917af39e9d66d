/**
 * Proves the stage and its checker: nothing is found while the mirror does its
 * work, and what is then done to its target is.
 */
import assert from "node:assert/strict";
import { withKafkaAdmin } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { seededRandom } from "../support/load.ts";
import { seed } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";
import { idName } from "./load.ts";
import { stopAtMoments } from "./moments.ts";
import { formatReport } from "./report.ts";
import { MirrorStage } from "./stage.ts";
import type { TopicKind } from "./topics.ts";

realKafkaTest(
  "a copy without fault has no anomalies, though its mirror is killed and frozen, and one with faults has them",
  async () => {
    await using stage = await MirrorStage.start({
      seed,
      mirrors: 1,
      partitions: 2,
      lanes: 4,
      jobInstances: 1,
      log: (text) => console.log(text),
    });
    try {
      await run(stage);
    } catch (error) {
      stage.keep();
      throw error;
    }
  },
);

async function run(stage: MirrorStage): Promise<void> {
  const [mirror] = stage.mirrors.all;
  const load = stage.load(300);
  stage.job.startAll();
  stage.startMirrors();
  await eventually(
    async () => (await mirror!.status()).totals.mirrored > 1_000,
    { what: "mirrored something", timeoutMs: 60_000 },
  );
  mirror!.pause();
  mirror!.resume();
  const cuts = await stopAtMoments({
    check: stage.cutCheck()!,
    count: 2,
    random: seededRandom(seed),
    mostMs: 2_000,
    withoutMs: 30_000,
    stop: () => stage.mirrors.killAll(),
    start: () => stage.startMirrors(),
  });
  console.log(JSON.stringify(cuts));
  assert.deepEqual(cuts.anomalies, []);
  assert.ok(cuts.verified > 0, "no input was ever below a group's position");

  console.log(JSON.stringify(await load.stop()));
  await Promise.all(stage.job.all.map((each) => each.stop()));
  await stage.drained(60_000);
  await stage.mirrors.stopAll();
  const report = await stage.check({ isDrained: true });
  console.log(formatReport(report));
  assert.deepEqual(report.anomalies, []);
  assert.deepEqual(stage.unaskedEnds, []);
  const { counts } = report;
  assert.ok(counts.groupPositions > 0 && counts.translations > counts.paired);
  assert.ok(counts.source > 1_000 && counts.runs > 0);

  await harm(stage);
  const harmed = await stage.check({ isDrained: true });
  console.log(formatReport(harmed));
  assert.deepEqual(harmed.anomalies.map(({ kind }) => kind), [
    "twice",
    "unexpected",
    "wrong group position",
  ]);
  const cut = await stage.cutCheck()!.look();
  assert.deepEqual(cut.anomalies.map(({ kind }) => kind), ["missing output"]);
}

/** A record again, foreign ones, and a group that is told to be too far. */
async function harm({ target, topics, groups }: MirrorStage): Promise<void> {
  const { client, cluster } = target;
  const nameOf = (wanted: TopicKind) =>
    topics.find(({ kind }) => kind === wanted)!.name;
  const steady = nameOf("steady");
  const input = nameOf("job input");
  const copies = await client.readTopic(steady, {
    isolation: "read_committed",
  });
  await client.produce(steady, [copies.at(-1)!]);
  await client.produce(input, [{
    partition: 0,
    value: "{}",
    headers: [{ name: idName, value: "nobody's" }],
  }]);
  const ends = await client.watermarks(input);
  await withKafkaAdmin(cluster.bootstrapServers, async (admin) => {
    await admin.setOffsets({
      groupId: groups[0]!,
      topic: input,
      partitions: [
        // The foreign one would be done, and has no output.
        { partition: 0, offset: String(ends[0]!.high) },
        // No record of the source is there.
        { partition: 1, offset: String(ends[1]!.high + 5) },
      ],
    });
  });
}
