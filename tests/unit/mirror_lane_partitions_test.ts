/** A lane's lives and the examinations of what they have, where a topic goes and comes back. */
import assert from "node:assert/strict";
import {
  type LanePartition,
  TopicChangedError,
} from "../../dr/mirror/lane_partition.ts";
import { Partitions } from "../../dr/mirror/lane_partitions.ts";
import { OffsetMap } from "../../dr/offset_map/mod.ts";
import { DamageChecker, type DamagePolicy } from "../../dr/topics/mod.ts";
import {
  type Admin,
  type Consumer,
  ErrorCode,
  KafkaError,
  type OffsetQuery,
} from "../../src/kafka/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";

const SIGNAL = new AbortController().signal;
const POSITION = 7;
const unknown = () =>
  new KafkaError("unknown", {
    code: ErrorCode.unknownTopicOrPartition,
    codeName: "",
  });

/** A source with one topic "t" of one partition that ends at `POSITION`. */
class Setting {
  /** Null: it is deleted. */
  id: string | null = "first";
  readonly checker: DamageChecker;
  readonly #known = new Map<string, LanePartition>();

  constructor(policy: DamagePolicy) {
    const summarize = (topics: readonly string[]) =>
      Promise.resolve(topics.map((topic) => ({
        topic,
        topicId: this.id ?? "",
        error: this.id === null ? unknown() : null,
      })));
    const offsets = (queries: readonly OffsetQuery[]) =>
      Promise.resolve(queries.map(({ topic, partition, at }) => ({
        topic,
        partition,
        offset: at === "earliest" ? 0 : POSITION,
        leaderEpoch: 0,
        timestampMs: null,
        error: null,
      })));
    this.checker = new DamageChecker({
      admin: {
        topics: { summarize },
        partitions: { offsets },
      } as unknown as Pick<Admin, "topics" | "partitions">,
      log: createLog({ level: "info", write: () => {} }),
      rules: [{ topics: /.*/, policy }],
      confirmAfterMs: 0,
    });
  }

  /**
   * As a lane has them that begins with `POSITION` in its log, of era 0.
   * @param returned see `LaneState`
   */
  life(era = 0, returned: readonly number[] = []): Partitions {
    const map = new OffsetMap();
    map.apply(0, {
      kind: "delta",
      era: 0,
      part: 0,
      parts: 1,
      partitions: [{
        topic: "t",
        topicId: "first",
        partition: 0,
        position: POSITION,
        leaderEpoch: null,
        runs: [],
      }],
    });
    return new Partitions({
      lane: 0,
      lanes: 1,
      era,
      state: {
        map,
        positions: new Map(),
        logBytes: 0,
        returned: new Map([["t-0", returned]]),
      },
      source: {
        // Only asked about partitions that were never mirrored.
        consumer: {} as unknown as Consumer,
        reads: () => true,
      },
      checker: this.checker,
      describe: (stretches) => Promise.resolve(stretches.map(() => [])),
      doubts: new Map(),
      known: this.#known,
      nextEpoch: () => 1,
    });
  }

  /** @returns why the life must end; null: it need not. */
  async examine(life: Partitions): Promise<string | null> {
    const believes = life.believes.bind(life);
    return life.found(
      await this.checker.examine(life.examinees(), SIGNAL, believes),
    );
  }

  get topics() {
    return this.id === null
      ? []
      : [{ topic: "t", topicId: this.id, target: "t", partitions: 1 }];
  }
}

const shown = (partitions: Partitions) =>
  partitions.all.map(({ tp, next, isOpen }) => [tp.topic, next, isOpen]);

Deno.test("what a failback has brought from the target is left out from the position on", async () => {
  const beyond = async (returned: readonly number[]) => {
    const setting = new Setting("stop");
    const [taken] = await setting.life(0, returned)
      .add(setting.topics, SIGNAL);
    assert.equal(taken!.position.next, POSITION);
    return taken!.position.beyond;
  };
  assert.deepEqual(await beyond([]), []);
  assert.deepEqual(await beyond([2, POSITION]), []);
  assert.deepEqual(await beyond([2, 4, POSITION + 2, 20]), [POSITION + 2, 20]);
  assert.deepEqual(await beyond([2, 4, 5, 20, 30, 31]), [5, 20, 30, 31]);
});

Deno.test("topics that are what they were change nothing", async () => {
  const setting = new Setting("stop");
  const life = setting.life();
  await life.add(setting.topics, SIGNAL);
  life.expectSame(setting.topics);
  assert.equal(await setting.examine(life), null);
  assert.deepEqual(shown(life), [["t", POSITION, true]]);
});

Deno.test("a topic that nobody lists any more, and that is there, changes nothing", async () => {
  const setting = new Setting("stop");
  const life = setting.life();
  await life.add(setting.topics, SIGNAL);
  life.expectSame([]);
  assert.equal(await setting.examine(life), null);
  assert.deepEqual(setting.checker.reports, []);
});

Deno.test("what is read of a topic is never written down as of another one of its name", async () => {
  const setting = new Setting("stop");
  const life = setting.life();
  await life.add(setting.topics, SIGNAL);
  setting.id = "second";
  assert.throws(() => life.expectSame(setting.topics), TopicChangedError);
});

Deno.test("a deleted topic makes a life void, and the next ones show it as not mirrored until it is back", async () => {
  const setting = new Setting("restart");
  const first = setting.life();
  await first.add(setting.topics, SIGNAL);
  setting.id = null;
  assert.match((await setting.examine(first))!, /deleted/);
  const [report] = setting.checker.reports;
  assert.equal(report?.damage.kind, "deleted");

  for (const _ of ["second", "third"]) {
    const life = setting.life();
    assert.deepEqual(await life.add(setting.topics, SIGNAL), []);
    assert.equal(await setting.examine(life), null);
    assert.deepEqual(shown(life), [["t", POSITION, false]]);
    assert.equal(await setting.examine(life), null);
  }

  const last = setting.life();
  await setting.examine(last);
  setting.id = "second";
  last.expectSame(setting.topics);
  assert.match((await setting.examine(last))!, /recreated/);
  const next = setting.life();
  await next.add(setting.topics, SIGNAL);
  assert.deepEqual(shown(next), [["t", 0, true]]);
  next.expectSame(setting.topics);
  assert.equal(await setting.examine(next), null);
});

Deno.test("a topic that was created anew is judged once, and stays stopped", async () => {
  const setting = new Setting("stop");
  const first = setting.life();
  await first.add(setting.topics, SIGNAL);
  setting.id = "second";
  assert.match((await setting.examine(first))!, /recreated/);
  const second = setting.life();
  await second.add(setting.topics, SIGNAL);
  assert.deepEqual(shown(second), [["t", POSITION, false]]);
  second.expectSame(setting.topics);
  assert.equal(await setting.examine(second), null);
});

Deno.test("positions of an era before are recorded anew, and those of this one are not", async () => {
  const setting = new Setting("stop");
  const recorded: boolean[] = [];
  for (const era of [0, 2]) {
    const life = setting.life(era);
    const taken = await life.add(setting.topics, SIGNAL);
    assert.deepEqual(shown(life), [["t", POSITION, true]]);
    recorded.push(...taken.map(({ position }) => !position.isUnrecorded));
  }
  assert.deepEqual(recorded, [true, false]);
});
