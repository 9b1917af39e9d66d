/** Source topics that change behind the back of the task `mirror`: nothing is silent. */
import assert from "node:assert/strict";
import {
  Generation,
  judgeGenerations,
  laneMapOf,
} from "../support/mirror_generations.ts";
import {
  type MirrorPair,
  type MirrorStep,
  mirrorSteps,
} from "../support/mirror_pair.ts";
import type { MirrorRun } from "../support/mirror_run.ts";
import { eventually } from "../support/wait.ts";

const steps: Readonly<Record<string, MirrorStep>> = {
  async "what retention took while no mirror ran stops its partition and says so at each start, and is left out by `restart`"(
    pair,
    topic,
  ) {
    await pair.create(topic, 2);
    const sent = new Generation(0);
    const write = () => pair.source.client.produce(topic, sent.next(2, 40));
    {
      await using mirror = pair.mirror([topic]);
      await write();
      await pair.caughtUp([topic], [mirror]);
      assert.equal(await mirror.metric("switchyard_mirror_damages"), 0);
      await mirror.stop();
    }
    await write();
    await pair.source.client.deleteRecords(topic, 0, 60);
    const lost = { from: 40, to: 60 };
    for (const start of [1, 2]) {
      await using mirror = pair.mirror([topic]);
      await write();
      await reached(mirror, topic, 1, sent);
      await mirror.until("stopped where records are missing", async () => {
        const stopped = await mirror.partition(topic, 0);
        return stopped?.position === 40 && !stopped.isMirrored;
      });
      const [report, ...others] = (await mirror.status()).damage;
      assert.deepEqual(others, []);
      assert.equal(report?.partition, 0);
      assert.deepEqual(report?.remedy, { kind: "stop" });
      assert.equal(report?.damage.kind, "overtaken");
      assert.deepEqual(report?.damage.lost, lost);
      const [line, ...more] = mirror.log(/lost records before/, topic);
      assert.deepEqual([line?.level, line?.partition], ["error", "0"]);
      assert.deepEqual(more, [], `start ${start}`);
      assert.equal(
        await mirror.metric("switchyard_mirror_stopped_partitions"),
        1,
      );
      assert.equal(await mirror.metric("switchyard_mirror_damages"), 1);
      await mirror.stop();
    }
    const check = { pair, topic, partition: 0 };
    const [stopped] = await judgeGenerations({
      ...check,
      generations: [{ number: 0, records: sent.of(0), isWhole: false }],
    });
    assert.equal(stopped, 40);

    await using mirror = pair.mirror([topic], { MIRROR_ON_DAMAGE: "restart" });
    await write();
    await pair.caughtUp([topic], [mirror]);
    const [report] = (await mirror.status()).damage;
    assert.equal(report?.remedy.kind, "restart");
    assert.deepEqual(report?.damage.lost, lost);
    assert.equal(mirror.log(/lost records before/, topic).length, 1);
    assert.equal(
      await mirror.metric("switchyard_mirror_stopped_partitions"),
      0,
    );
    await mirror.stop();
    for (const partition of [0, 1]) {
      const records = partition === 0
        ? without(sent.of(0), lost)
        : sent.of(partition);
      await judgeGenerations({
        ...check,
        partition,
        generations: [{ number: 0, records, isWhole: true }],
      });
    }
  },

  async "what retention took from a mirror that stood still is told with its offsets, and all else is there"(
    pair,
    topic,
  ) {
    await pair.create(topic, 1);
    const sent = new Generation(0);
    const write = () => pair.source.client.produce(topic, sent.next(1, 20));
    await using mirror = pair.mirror([topic], { MIRROR_ON_DAMAGE: "restart" });
    await write();
    await pair.caughtUp([topic], [mirror]);
    mirror.child.signal("SIGSTOP");
    // What is asked for already comes with the first of these.
    for (let round = 0; round < 20; round++) await write();
    await pair.source.client.deleteRecords(topic, 0, 400);
    mirror.child.signal("SIGCONT");
    await pair.caughtUp([topic], [mirror]);
    const [report] = (await mirror.status()).damage;
    assert.equal(report?.damage.kind, "overtaken");
    const { from, to } = report!.damage.lost;
    assert.ok(from !== null && from >= 20 && to === 400, `${from}..${to}`);
    assert.equal(mirror.log(/lost records before/, topic).length, 1);
    await mirror.stop();
    const records = without(sent.of(0), { from, to });
    await judgeGenerations({
      pair,
      topic,
      partition: 0,
      generations: [{ number: 0, records, isWhole: true }],
    });
  },

  async "a topic that is deleted and created anew under load stops, with nothing of the new on the target; `restart` then mirrors all of the new, and again without a stop"(
    pair,
    topic,
  ) {
    const other = `${topic}-other`;
    await pair.create(topic, 2);
    await pair.create(other, 2);
    const lives = [0, 1, 2].map((number) => new Generation(number));
    const elsewhere = new Generation(0);
    const { client } = pair.source;
    // Each life has more records than the last: an old position is no end of it.
    const load = async (life: Generation) => {
      for (let round = 0; round < 15 + life.number; round++) {
        await client.produce(other, elsewhere.next(2, 50));
        await client.produce(topic, life.next(2, 200));
      }
    };
    const renew = async (life: Generation) => {
      await pair.delete(topic);
      await client.produce(other, elsewhere.next(2, 50));
      await pair.create(topic, 2);
      await load(life);
    };
    const judge = (...are: readonly boolean[]) =>
      Promise.all([0, 1].map((partition) =>
        judgeGenerations({
          pair,
          topic,
          partition,
          generations: are.map((isWhole, number) => ({
            number,
            records: lives[number]!.of(partition),
            isWhole,
          })),
        })
      ));
    {
      await using mirror = pair.mirror([topic, other]);
      await mirror.running();
      await load(lives[0]!);
      await renew(lives[1]!);
      await damaged(mirror, topic, 2);
      await reached(mirror, other, 0, elsewhere);
      await reached(mirror, other, 1, elsewhere);
      assert.deepEqual(
        await Promise.all(
          [0, 1].map(async (partition) =>
            (await mirror.partition(topic, partition))?.isMirrored
          ),
        ),
        [false, false],
      );
      assert.equal(
        await mirror.metric("switchyard_mirror_stopped_partitions"),
        2,
      );
      await mirror.stop();
    }
    for (const counts of await judge(false)) assert.ok(counts[0]! > 0);

    await using mirror = pair.mirror([topic, other], {
      MIRROR_ON_DAMAGE: "restart",
    });
    await pair.caughtUp([topic, other], [mirror]);
    assert.equal(mirror.log(/created anew/, topic).length, 2);
    await renew(lives[2]!);
    await pair.caughtUp([topic, other], [mirror]);
    assert.ok(mirror.log(/created anew/, topic).length >= 4);
    assert.equal(
      await mirror.metric("switchyard_mirror_stopped_partitions"),
      0,
    );
    await mirror.stop();
    await judge(false, false, true);
    await pair.isExact([{ name: other }]);
  },

  async "an idle topic that is deleted is told of, and one that comes back is taken up again by `restart`"(
    pair,
    topic,
  ) {
    await pair.create(topic, 2);
    const lives = [new Generation(0), new Generation(1)];
    const { client } = pair.source;
    await using mirror = pair.mirror([topic], { MIRROR_ON_DAMAGE: "restart" });
    await client.produce(topic, lives[0]!.next(2, 30));
    await pair.caughtUp([topic], [mirror]);
    await pair.delete(topic);
    await mirror.until(
      "told",
      ({ damage }) =>
        [0, 1].every((partition) =>
          damage.some((each) =>
            each.topic === topic && each.partition === partition &&
            each.damage.kind === "deleted" && each.remedy.kind === "stop"
          )
        ),
    );
    assert.equal(mirror.log(/was deleted with its topic/, topic).length, 2);
    await mirror.until(
      "showing what is not mirrored",
      async () =>
        await mirror.metric("switchyard_mirror_stopped_partitions") === 2,
    );
    await pair.create(topic, 2);
    await client.produce(topic, lives[1]!.next(2, 50));
    await pair.caughtUp([topic], [mirror]);
    await mirror.stop();
    for (const partition of [0, 1]) {
      await judgeGenerations({
        pair,
        topic,
        partition,
        generations: lives.map((life) => ({
          number: life.number,
          records: life.of(partition),
          isWhole: true,
        })),
      });
    }
  },

  async "a topic that came back empty is mirrored from its beginning, also by a mirror that starts later"(
    pair,
    topic,
  ) {
    await pair.create(topic, 1);
    const lives = [new Generation(0), new Generation(1)];
    const { client } = pair.source;
    const env = { MIRROR_ON_DAMAGE: "restart" };
    {
      await using mirror = pair.mirror([topic], env);
      await client.produce(topic, lives[0]!.next(1, 30));
      await pair.caughtUp([topic], [mirror]);
      await mirror.stop();
    }
    await pair.delete(topic);
    await pair.create(topic, 1);
    {
      await using mirror = pair.mirror([topic], env);
      await pair.caughtUp([topic], [mirror]);
      await positionKnown(pair, topic, await pair.idOf(topic));
      await mirror.stop();
    }
    // Beyond where the old topic ended, too.
    await client.produce(topic, lives[1]!.next(1, 50));
    await using mirror = pair.mirror([topic], env);
    await pair.caughtUp([topic], [mirror]);
    await mirror.stop();
    await judgeGenerations({
      pair,
      topic,
      partition: 0,
      generations: lives.map((life) => ({
        number: life.number,
        records: life.of(0),
        isWhole: true,
      })),
    });
  },
};

mirrorSteps("damage of source topics", {}, steps);

interface Range {
  readonly from: number | null;
  readonly to: number | null;
}

const without = <T extends { readonly offset: number }>(
  records: readonly T[],
  { from, to }: Range,
) => records.filter(({ offset }) => offset < from! || offset >= to!);

/** Resolves when all that was sent is mirrored. */
async function reached(
  mirror: MirrorRun,
  topic: string,
  partition: number,
  sent: Generation,
): Promise<void> {
  await mirror.until(
    `mirroring ${topic} [${partition}]`,
    async () =>
      (await mirror.partition(topic, partition))?.position ===
        sent.of(partition).length,
  );
}

/** Resolves when so many partitions are known to be those of a new topic. */
async function damaged(
  mirror: MirrorRun,
  topic: string,
  partitions: number,
): Promise<void> {
  await mirror.until(
    "told",
    ({ damage }) =>
      damage.filter((each) =>
        each.topic === topic && each.damage.kind === "recreated" &&
        each.remedy.kind === "stop"
      ).length === partitions,
  );
}

/** Resolves when a lane's log says that it stands at the beginning of this topic. */
async function positionKnown(
  pair: MirrorPair,
  topic: string,
  topicId: string,
): Promise<void> {
  const id = Uint8Array.fromBase64(topicId, { alphabet: "base64url" }).toHex();
  await eventually(async () => {
    const map = await laneMapOf(pair, topic, 0);
    return map?.topicId === id && map.position === 0;
  }, { what: "written down" });
}
