import assert from "node:assert/strict";
import { TopicChangedError } from "../../dr/mirror/lane_partition.ts";
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

  /** As a lane has them that begins with `POSITION` in its log. */
  life(): Partitions {
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
      state: { map, positions: new Map(), logBytes: 0 },
      // Only asked about partitions that were never mirrored.
      consumer: {
        watermarks: () => Promise.resolve({ low: 0, high: POSITION }),
      } as unknown as Consumer,
      checker: this.checker,
      describe: (stretches) => Promise.resolve(stretches.map(() => [])),
      doubts: new Map(),
      nextEpoch: () => 1,
    });
  }

  get topics() {
    return this.id === null
      ? []
      : [{ topic: "t", topicId: this.id, target: "t", partitions: 1 }];
  }
}

const shown = (partitions: Partitions) =>
  partitions.all.map(({ tp, next, isOpen }) => [tp.topic, next, isOpen]);

Deno.test("topics that are what they were change nothing", async () => {
  const setting = new Setting("stop");
  const life = setting.life();
  await life.add(setting.topics, SIGNAL);
  await life.compare(setting.topics, SIGNAL);
  assert.deepEqual(shown(life), [["t", POSITION, true]]);
});

Deno.test("a topic that nobody lists any more, and that is there, changes nothing", async () => {
  const setting = new Setting("stop");
  const life = setting.life();
  await life.add(setting.topics, SIGNAL);
  await life.compare([], SIGNAL);
  assert.deepEqual(setting.checker.reports, []);
});

Deno.test("a deleted topic makes a life void, and the next ones show it as not mirrored until it is back", async () => {
  const setting = new Setting("restart");
  const first = setting.life();
  await first.add(setting.topics, SIGNAL);
  setting.id = null;
  await assert.rejects(
    first.compare(setting.topics, SIGNAL),
    TopicChangedError,
  );
  const [report] = setting.checker.reports;
  assert.equal(report?.damage.kind, "deleted");

  const second = setting.life();
  assert.deepEqual(await second.add(setting.topics, SIGNAL), []);
  assert.deepEqual(shown(second), [["t", POSITION, false]]);
  await second.compare(setting.topics, SIGNAL);

  setting.id = "second";
  await assert.rejects(
    second.compare(setting.topics, SIGNAL),
    TopicChangedError,
  );
  const third = setting.life();
  await third.add(setting.topics, SIGNAL);
  assert.deepEqual(shown(third), [["t", 0, true]]);
  await third.compare(setting.topics, SIGNAL);
});

Deno.test("a topic that was created anew is judged once, and stays stopped", async () => {
  const setting = new Setting("stop");
  const first = setting.life();
  await first.add(setting.topics, SIGNAL);
  setting.id = "second";
  await assert.rejects(first.compare(setting.topics, SIGNAL));
  const second = setting.life();
  await second.add(setting.topics, SIGNAL);
  assert.deepEqual(shown(second), [["t", POSITION, false]]);
  await second.compare(setting.topics, SIGNAL);
});
