/** Source topics of every shape, mirrored by the task `mirror` on Apache Kafka. */
import assert from "node:assert/strict";
import type { KafkaRecord } from "../support/independent_client.ts";
import {
  besideHeartbeats,
  type MirrorPair,
  type MirrorStep,
  mirrorSteps,
} from "../support/mirror_pair.ts";
import { freePorts } from "../support/free_port.ts";
import { noise } from "../support/noise.ts";
import { SentinelRun } from "../support/sentinel_run.ts";
import { eventually } from "../support/wait.ts";

const MIB = 2 ** 20;
/** Far more than a mirror that gets on is behind. */
const BEHIND_MS = 8_000;

const texts = (prefix: string, count: number, partition: number) =>
  Array.from({ length: count }, (_, at) => ({
    partition,
    key: `k${at % 7}`,
    value: `${prefix}-${at}`,
    headers: [{ name: "n", value: String(at) }],
  }));

const committed = { isolation: "read_committed" } as const;

function sentinelOf({ source, target }: MirrorPair): SentinelRun {
  const [gateway] = freePorts(1);
  return SentinelRun.start({
    PRIMARY_BROKERS: source.cluster.bootstrapServers,
    SECONDARY_BROKERS: target.cluster.bootstrapServers,
    SENTINELS: "1",
    SENTINEL_MODE: "advise",
    GATEWAY_LISTEN: `127.0.0.1:${gateway}`,
  });
}

const steps: Readonly<Record<string, MirrorStep>> = {
  async "records of 1 MiB and more are mirrored where the topic's own limit says so"(
    pair,
    topic,
  ) {
    await pair.create(topic, 3, { "max.message.bytes": String(2 * MIB) });
    const large = Array.from({ length: 24 }, (_, at) => ({
      partition: at % 3,
      key: `large-${at}`,
      // The last ones are as large as the limit leaves room for.
      value: noise(at < 21 ? MIB : 2 * MIB - 200),
      headers: [{ name: "bytes", value: null }],
    }));
    const small = [0, 1, 2].flatMap((each) => texts("small", 50, each));
    await using mirror = pair.mirror([topic]);
    await mirror.running();
    // The lanes' topic is new: a lane may have begun before it was led.
    const begun = mirror.beginnings();
    await pair.source.client.produce(topic, [...small, ...large, ...small]);
    await pair.caughtUp([topic], [mirror]);
    assert.deepEqual(mirror.beginnings(), begun);
    await mirror.stop();
    const { counts } = await pair.isExact([{ name: topic }]);
    assert.equal(counts.paired, 324);
  },

  async "many small records are mirrored into a topic that takes only small batches"(
    pair,
    topic,
  ) {
    const large = `${topic}-large`;
    await pair.create(topic, 2, { "max.message.bytes": "20000" });
    await pair.create(large, 2, { "max.message.bytes": String(2 * MIB) });
    await using mirror = pair.mirror([topic, large]);
    await pair.source.client.produce(large, [
      { partition: 0, value: noise(MIB) },
      { partition: 1, value: noise(MIB) },
    ]);
    for (let round = 0; round < 40; round++) {
      await pair.source.client.produce(
        topic,
        [0, 1].flatMap((each) =>
          texts(`${"x".repeat(300)}-${round}`, 25, each)
        ),
      );
    }
    await pair.caughtUp([topic, large], [mirror]);
    assert.deepEqual(mirror.beginnings(), []);
    // The limit goes down while the mirror runs.
    await pair.configure(topic, { "max.message.bytes": "2000" });
    await eventually(() => mirror.beginnings().length > 0, {
      what: "known to the mirror",
      timeoutMs: 60_000,
    });
    mirror.child.signal("SIGSTOP");
    for (let round = 0; round < 60; round++) {
      await pair.source.client.produce(
        topic,
        [0, 1].flatMap((each) => texts(`${"y".repeat(200)}-${round}`, 4, each)),
      );
    }
    mirror.child.signal("SIGCONT");
    await pair.caughtUp([topic], [mirror]);
    await mirror.stop();
    await pair.isExact([{ name: topic }, { name: large }]);
  },

  async "a record that the target refuses stops its lane, which says so again and again, and goes on once it is let in; the others go on, and are not taken for the whole"(
    pair,
    topic,
  ) {
    const other = `${topic}-other`;
    const at = besideHeartbeats(topic);
    await pair.create(topic, 2);
    await pair.create(other, 2);
    await using mirror = pair.mirror([topic, other]);
    await using sentinel = sentinelOf(pair);
    await pair.caughtUp([topic, other], [mirror]);
    const laneOf = async (name: string, partition: number) =>
      (await mirror.partition(name, partition))!.lane;
    const lane = await laneOf(topic, at);
    const free = await laneOf(other, 0) === lane ? 1 : 0;
    const { client } = pair.source;
    await client.produce(topic, [
      ...texts("before", 10, at),
      { partition: at, key: "large", value: noise(1.5 * MIB) },
      ...texts("behind", 10, at),
    ]);
    const refusals = () =>
      mirror.beginnings().filter(({ reason }) => /too large/.test(reason));
    await eventually(() => refusals().length >= 3, {
      what: "said again and again",
      timeoutMs: 90_000,
    });
    assert.deepEqual(
      [...new Set(refusals().map((each) => each.lane))],
      [lane],
    );
    // Of the record: ten lie before it.
    const where = new RegExp(`${topic} \\[${at}\\] @10: `);
    assert.match(refusals()[0]!.reason, where);
    await eventually(
      async () =>
        /^503 .*lane \d is (waiting|opening)/s.test(await mirror.readiness()),
      { what: "not ready" },
    );

    await client.produce(other, [0, 1].flatMap((at) => texts("other", 50, at)));
    await mirror.until(
      "going on with the other lane",
      async () => (await mirror.partition(other, free))?.position === 50,
    );
    const copied = await pair.target.client.readTopic(topic, committed);
    assert.ok(copied.length <= 10);

    const isBehind = (ms: number | null) => ms !== null && ms > BEHIND_MS;
    await mirror.until("behind", ({ lag }) => isBehind(lag.ageMs));
    await sentinel.until("behind", ({ lagMs }) => isBehind(lagMs));
    assert.ok(
      await mirror.metric("switchyard_mirror_lag_seconds") * 1000 > BEHIND_MS,
    );

    await pair.configure(topic, { "max.message.bytes": String(2 * MIB) });
    await pair.caughtUp([topic, other], [mirror]);
    await mirror.until(
      "ready",
      async () => (await mirror.readiness()).startsWith("200"),
    );
    await mirror.until("near", ({ lag }) => !isBehind(lag.ageMs));
    await sentinel.until("near", ({ lagMs }) => !isBehind(lagMs));
    await mirror.stop();
    const { counts } = await pair.isExact([{ name: topic }, { name: other }]);
    assert.equal(counts.paired, 121);
  },

  async "a compacted log with gaps is mirrored as it is, gap by gap, also while it is compacted on"(
    pair,
    topic,
  ) {
    await pair.create(topic, 2, {
      "cleanup.policy": "compact",
      // The smallest that Kafka takes: only closed segments are compacted.
      "segment.bytes": String(MIB),
      "segment.ms": "500",
      "min.cleanable.dirty.ratio": "0.01",
      "delete.retention.ms": "86400000",
    });
    const sent = await overwrite(pair, topic, "first");
    await compacted(pair, topic, sent);
    // Nothing changes while it is judged.
    await pair.configure(topic, { "min.compaction.lag.ms": "86400000" });
    await untilQuiet(pair, topic);
    {
      await using mirror = pair.mirror([topic]);
      await pair.caughtUp([topic], [mirror]);
      await mirror.stop();
      const { counts } = await pair.isExact([{ name: topic }]);
      assert.ok(counts.runs > 4, `${counts.runs} runs are no gaps`);
      assert.ok(counts.paired < sent);
    }
    await using mirror = pair.mirror([topic]);
    await mirror.running();
    await pair.configure(topic, { "min.compaction.lag.ms": "0" });
    const more = await overwrite(pair, topic, "second");
    await compacted(pair, topic, sent + more);
    await pair.caughtUp([topic], [mirror]);
    assert.deepEqual(mirror.beginnings(), []);
    await mirror.stop();
    const { counts } = await pair.isExact([{ name: topic, isCompacted: true }]);
    assert.ok(counts.paired > 0);
  },

  async "aborted transactions are not mirrored, wherever they stand, and an open one is waited for"(
    pair,
    topic,
  ) {
    await pair.create(topic, 3);
    await using first = pair.mirror([topic]);
    await first.running();
    const writers = [
      { transactionalId: `${topic}-one` },
      { transactionalId: `${topic}-other`, transactionTimeoutMs: 300_000 },
      {},
    ];
    await pair.source.client.write(writers, async (session) => {
      const send = async (by: number, partition: number, prefix: string) => {
        for (const record of texts(prefix, 20, partition)) {
          await session.send(by, topic, record);
        }
      };
      for (const round of [0, 1, 2]) {
        await session.begin(0);
        await send(0, 0, `committed-${round}`);
        await session.commit(0);
        await session.begin(0);
        for (const at of [0, 1, 2]) await send(0, at, `aborted-${round}`);
        // Otherwise they may not have been sent.
        await session.flush(0);
        await session.abort(0);
      }
      // Committed records lie behind the open transaction.
      await session.begin(1);
      await send(1, 2, "open");
      await session.flush(1);
      await send(2, 2, "plain");
      await session.flush(2);
      const stable = 3 * (20 + 1);
      // The other one: behind the last marker, though nothing was committed.
      for (const partition of [2, 1]) {
        await first.until(
          "waiting where the open transaction begins",
          async () =>
            (await first.partition(topic, partition))?.position === stable,
        );
      }
      await first.stop();
      await session.abort(1);
    });
    const early = await pair.target.client.readTopic(topic, committed);
    assert.deepEqual(early.filter(({ partition }) => partition > 0), []);

    await using second = pair.mirror([topic]);
    await pair.caughtUp([topic], [second]);
    await second.until("without lag", ({ lag }) => lag.records === 0);
    await second.stop();
    const { counts } = await pair.isExact([{ name: topic }]);
    assert.equal(counts.paired, 3 * 20 + 20);
  },

  async "partitions that are added under load are added to the target and mirrored from their beginnings"(
    pair,
    topic,
  ) {
    await pair.create(topic, 2);
    await using mirror = pair.mirror([topic]);
    await mirror.running();
    let rounds = 0;
    for (const partitions of [2, 3, 7]) {
      if (partitions > 2) await pair.grow(topic, partitions);
      for (let round = 0; round < 5; round++) {
        const records = Array.from(
          { length: partitions },
          (_, at) => texts(`round-${rounds++}`, 40, at),
        );
        await pair.source.client.produce(topic, records.flat());
      }
    }
    await pair.caughtUp([topic], [mirror]);
    const grown = mirror.log(/target topic grown/, topic)
      .map(({ partitions }) => partitions);
    assert.equal(grown.at(-1), "7");
    assert.deepEqual(mirror.beginnings(), []);
    await mirror.stop();
    const { counts } = await pair.isExact([{ name: topic }]);
    assert.equal(counts.paired, 5 * 40 * (2 + 3 + 7));
  },
};

mirrorSteps("topics of every shape", {
  source: {
    "message.max.bytes": String(4 * MIB),
    "log.cleaner.backoff.ms": "500",
  },
}, steps);

/**
 * Writes keys again and again, some in transactions, some of them deleted.
 * @returns how many records are committed.
 */
async function overwrite(
  pair: MirrorPair,
  topic: string,
  prefix: string,
): Promise<number> {
  let sent = 0;
  for (let round = 0; round < 12; round++) {
    const records = [0, 1].flatMap((partition) =>
      Array.from({ length: 60 }, (_, at) => ({
        partition,
        // Half of them are written once: gaps lie in between.
        key: at % 2 === 0 ? `k-${at}` : `k-${at}-${prefix}-${round}`,
        value: at % 14 === round ? null : `${prefix}-${round}-${at}`,
      }))
    );
    const isAborted = round % 6 === 2;
    await pair.source.client.produce(
      topic,
      records,
      round % 3 === 2 ? { transaction: isAborted ? "abort" : "commit" } : {},
    );
    if (!isAborted) sent += records.length;
  }
  return sent;
}

/** Resolves when the source has lost a quarter of what was committed to it. */
async function compacted(
  pair: MirrorPair,
  topic: string,
  sent: number,
): Promise<void> {
  const { client } = pair.source;
  let beat = 0;
  await eventually(async () => {
    // A segment is closed by the next record.
    await client.produce(
      topic,
      [0, 1].map((partition) => ({
        partition,
        key: "beat",
        value: `${beat++}`,
      })),
    );
    return (await client.readTopic(topic, committed)).length < 3 / 4 * sent;
  }, { what: "compacted", timeoutMs: 120_000, everyMs: 500 });
}

/** What the cleaner has begun it ends. */
async function untilQuiet(pair: MirrorPair, topic: string): Promise<void> {
  const offsetsOf = (records: readonly KafkaRecord[]) =>
    records.map(({ partition, offset }) => `${partition}@${offset}`).join();
  let last = "";
  let equal = 0;
  await eventually(async () => {
    const now = offsetsOf(await pair.source.client.readTopic(topic));
    equal = now === last ? equal + 1 : 0;
    last = now;
    return equal >= 5;
  }, { what: "quiet", timeoutMs: 60_000, everyMs: 300 });
}
