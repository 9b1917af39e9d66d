/** What a mirror's leader does on two real clusters, watched by others. */
import assert from "node:assert/strict";
import { Admin, Consumer } from "../../src/kafka/mod.ts";
import { encodeRanges } from "../../src/pool/offset_ranges.ts";
import {
  createLog,
  formatLine,
  type LogLine,
} from "../../src/telemetry/log.ts";
import {
  CUT_TIMINGS,
  type CutLeaderOptions,
  cutsTopic,
  CutStore,
  openCutLeader,
  sourceCluster,
} from "../../dr/cut/mod.ts";
import { library, Member, produce, Sender } from "../support/embedded.ts";
import { HandMirror } from "../support/hand_mirror.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { Fields, MIRROR_FORMATS } from "../support/mirror_records.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { readAll, readBytes, recordsOf } from "../support/topic_bytes.ts";
import { translateOffsets } from "../support/translate_offsets.ts";
import { eventually, within } from "../support/wait.ts";

const OPTIONS = { timeoutMs: 30_000 };
const CHECKPOINTS = "primary.checkpoints.internal";
const REACHED = "switchyard-reached.primary.internal";
const SYNCS = "mm2-offset-syncs.secondary.internal";
const first = { topic: "in", partition: 0 };

realKafkaTest("a leader releases cuts on another cluster", async (context) => {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(await KafkaCluster.start());
  const target = stack.use(await KafkaCluster.start({ nodeIdBase: 101 }));
  const scene = await Scene.open(stack, source, target);
  for (const [name, step] of Object.entries(STEPS)) {
    if (await context.step(name, () => step(scene))) continue;
    source.keepLogs();
    target.keepLogs();
    console.error(scene.lines.map(formatLine).join("\n"));
  }
});

class Scene {
  readonly lines: LogLine[] = [];
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly mirror: HandMirror;
  readonly sourceAdmin: Admin;
  readonly targetAdmin: Admin;
  /** Kafkajs on the target. */
  readonly client: IndependentClient;

  private constructor(
    parts: Pick<
      Scene,
      "source" | "target" | "mirror" | "sourceAdmin" | "targetAdmin" | "client"
    >,
  ) {
    this.source = parts.source;
    this.target = parts.target;
    this.mirror = parts.mirror;
    this.sourceAdmin = parts.sourceAdmin;
    this.targetAdmin = parts.targetAdmin;
    this.client = parts.client;
  }

  static async open(
    stack: AsyncDisposableStack,
    source: KafkaCluster,
    target: KafkaCluster,
  ): Promise<Scene> {
    const adminOf = ({ bootstrapServers }: KafkaCluster) =>
      stack.use(new Admin(library, { "bootstrap.servers": bootstrapServers }));
    for (const cluster of [source, target]) {
      await cluster.createTopic("in", 2);
      await cluster.createTopic("out", 1);
    }
    const value = (_: unknown, at: number) => `${at}`;
    await produce(source.bootstrapServers, [
      ...Array.from({ length: 10 }, value)
        .map((value) => ({ topic: "in", partition: 0, value })),
      ...Array.from({ length: 4 }, value)
        .map((value) => ({ topic: "out", partition: 0, value })),
    ]);
    return new Scene({
      source,
      target,
      mirror: stack.use(await HandMirror.open(target.bootstrapServers)),
      sourceAdmin: adminOf(source),
      targetAdmin: adminOf(target),
      client: stack.use(
        await IndependentClient.connect(target.bootstrapServers),
      ),
    });
  }

  open() {
    const { mirror, source, target } = this;
    const end = (alias: string, admin: Admin, cluster: KafkaCluster) => ({
      alias,
      admin,
      producer: { "bootstrap.servers": cluster.bootstrapServers },
      replicationFactor: 1,
    });
    const options: CutLeaderOptions = {
      library,
      source: end("primary", this.sourceAdmin, source),
      target: end("secondary", this.targetAdmin, target),
      isTopicMirrored: (topic) => topic === "in" || topic === "out",
      isGroupMirrored: (group) => group !== "excluded",
      targetTopic: (topic) => topic,
      outputsOf: () => null,
      positions: mirror,
      translation: mirror,
      newest: () => mirror.newest(),
      formats: MIRROR_FORMATS,
      topics: {
        checkpoints: CHECKPOINTS,
        heartbeats: "heartbeats",
        reached: REACHED,
        offsetSyncs: { topic: SYNCS, location: "source" },
      },
      readTopic: (topic, signal) => recordsOf(target, topic, signal),
      setsGroupOffsets: true,
      groups: {
        transactionalId: "switchyard-primary-secondary-groups",
        expectOurs: () => Promise.resolve(),
      },
      timings: {
        ...CUT_TIMINGS,
        intervalMs: 50,
        checkMs: 10,
        heartbeatMs: 50,
        reachMs: 50,
        offsetSyncMs: 50,
      },
      onProducerEvent: () => {},
      log: createLog({ level: "info", write: (line) => this.lines.push(line) }),
    };
    const open = openCutLeader(options);
    open.leader.ended.catch((error) => console.error(error));
    return open;
  }

  /** Sets the position of a group of the source in `in`, partition 0. */
  async commit(group: string, offset: number, metadata = ""): Promise<void> {
    const each = { ...first, offset, metadata };
    await Scene.set(this.sourceAdmin, group, each);
  }

  static async set(
    admin: Admin,
    group: string,
    each: Parameters<Admin["groups"]["alterOffsets"]>[1][number],
  ): Promise<void> {
    await eventually(async () => {
      const [answer] = await admin.groups.alterOffsets(group, [each], OPTIONS);
      assert.equal(answer!.error, null);
      return true;
    }, { what: `"${group}" set` });
  }

  /** What a group has committed on the target, as kafkajs reads it. */
  async there(group: string) {
    return (await this.client.committedOffsets(group, "in"))[0];
  }

  async until(group: string, offset: number, metadata = ""): Promise<void> {
    await eventually(
      async () => {
        assert.deepEqual(await this.there(group), { offset, metadata });
        return true;
      },
      { what: `"${group}" at ${offset} on the target` },
    );
  }
}

const STEPS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async "not before the mirror has reached every end, and then exactly"(scene) {
    const { client, mirror, target } = scene;
    await using busy = new Member(target.bootstrapServers, {
      "group.id": "busy",
    });
    busy.consumer.subscribe(["in"]);
    await busy.until(() => busy.assigned.length === 2, "assigned");
    await scene.commit("pool", 3, encodeRanges(3, [5, 7])!);
    await scene.commit("plain", 8, "a note");
    await scene.commit("busy", 5);
    await scene.commit("excluded", 5);
    await using open = scene.open();
    const { leader } = open;
    await mirror.copy("in", 0, 5);
    await mirror.copy("in", 0, 5);
    await mirror.copy("out", 0, 3);
    await eventually(() => leader.status.behind === 1, {
      what: "waiting for the last output alone",
    });
    assert.equal(await scene.there("plain"), undefined);

    await mirror.copy("out", 0, 1);

    // On the target: 0 1 2 3 4 marker 6 7 8 9 10 marker.
    await scene.until("plain", 9, "a note");
    await scene.until("pool", 3, encodeRanges(3, [5, 8])!);
    await eventually(async () => {
      const translated = await translateOffsets(
        target.bootstrapServers,
        "primary",
        ["pool", "plain", "busy", "excluded"],
      );
      assert.deepEqual(
        translated.map((
          { group, partition, topic, offset, metadata },
        ) => [group, topic, partition, offset, metadata]),
        [
          ["pool", "in", 0, 3, encodeRanges(3, [5, 8])],
          ["plain", "in", 0, 9, "a note"],
          ["busy", "in", 0, 5, ""],
        ],
      );
      return true;
    }, { what: "told by MirrorMaker 2's client", everyMs: 500 });
    assert.equal(await scene.there("busy"), undefined);
    assert.equal(await scene.there("excluded"), undefined);
    // Where the test believes that the records are on the target.
    const highs = (await client.watermarks("in")).map(({ high }) => high);
    assert.deepEqual(highs, [12, 0]);
    await eventually(() => leader.status.waiting === 0, { what: "released" });
  },

  async "a resuming pool finds S of the cut that its group stands at"(scene) {
    await using _ = scene.open();
    await eventually(async () => {
      const store = new CutStore(cutsTopic("primary"));
      const records = await readAll(scene.target, cutsTopic("primary"));
      for (const { key, value } of records) store.read(key, value);
      // Four records in two transactions: 0 1 2 marker 4.
      assert.deepEqual(store.stableOf("pool")?.get("out"), [5]);
      assert.equal(store.stableOf("busy")?.get("out"), undefined);
      return true;
    }, { what: "written", everyMs: 200 });
  },

  async "forward and back with the source's group, also under another leader, and never over what was done on the target"(
    scene,
  ) {
    {
      await using _ = scene.open();
      await scene.commit("pool", 7);
      await scene.until("pool", 8);
      await scene.commit("pool", 2);
      await scene.until("pool", 2);
      await Scene.set(scene.targetAdmin, "plain", { ...first, offset: 12 });
    }
    await using _ = scene.open();
    await scene.commit("plain", 9);
    await scene.commit("pool", 1);
    await scene.until("pool", 1);
    // A later cut than the one that "plain" has moved in.
    await scene.commit("pool", 8);
    await scene.until("pool", 9);
    assert.equal((await scene.there("plain"))!.offset, 12);
  },

  async "heartbeats are on both clusters, offset syncs on the source"(scene) {
    await using _ = scene.open();
    const beats = async (cluster: KafkaCluster) =>
      new Set(
        (await readBytes(cluster, "heartbeats")).map(({ key }) =>
          new Fields(key!).texts(2).join(" > ")
        ),
      );
    await eventually(async () => {
      assert.deepEqual(
        await beats(scene.target),
        new Set(["primary > secondary"]),
      );
      assert.deepEqual(
        await beats(scene.source),
        new Set(["secondary > primary"]),
      );
      return true;
    }, { what: "beating", everyMs: 200 });
    const syncs = (await readBytes(scene.source, SYNCS)).map((each) => {
      const key = new Fields(each.key!);
      const value = new Fields(each.value!);
      return [key.text(), key.int32(), value.int64(), value.int64()];
    });
    assert.ok(syncs.some((each) => `${each}` === "in,0,9,10"), `${syncs}`);
    assert.ok(syncs.some((each) => `${each}` === "out,0,3,4"), `${syncs}`);
  },

  async "S ends before an open transaction, E does not, and p waits for its offsets"(
    { source, sourceAdmin },
  ) {
    const { bootstrapServers } = source;
    await source.createTopic("open", 1);
    await Scene.set(sourceAdmin, "late", { ...first, offset: 4 });
    await using consumer = new Consumer(library, {
      "bootstrap.servers": bootstrapServers,
      "group.id": "late",
    });
    await using sender = new Sender(bootstrapServers, {
      "transactional.id": "late",
    });
    const { producer } = sender;
    const { timeoutMs } = OPTIONS;
    await producer.initTransactions(timeoutMs);
    producer.beginTransaction();
    await sender.send([{ topic: "open", partition: 0, value: "" }]);
    using membership = consumer.membership();
    // The second partition has no offset before this one.
    const pending = [6, 2].map((offset, partition) => ({
      topic: "in",
      partition,
      offset,
    }));
    await producer.sendOffsets(membership, pending, timeoutMs);

    const cluster = sourceCluster({
      admin: sourceAdmin,
      isTopicMirrored: (topic) => topic === "open",
      isGroupMirrored: (group) => group === "late",
      timeoutMs,
    });
    const { signal } = new AbortController();
    const partitions = await cluster.partitions(signal);
    assert.deepEqual(partitions, [{ topic: "open", partition: 0 }]);
    const stable = await cluster.stableOffsets(partitions, signal);
    const ends = await cluster.ends(partitions, signal);
    assert.deepEqual([stable.get("open"), ends.get("open")], [[0], [1]]);
    assert.deepEqual(await cluster.groups(signal), ["late"]);

    let answers = 0;
    const committed = cluster.committed("late", signal)
      .finally(() => answers++);
    await eventually(async () => {
      const options = { ...OPTIONS, requireStable: true };
      const [each] = await sourceAdmin.groups.offsets("late", "all", options);
      return each!.error !== null && each!.error.retriable;
    }, { what: "pending" });
    assert.equal(answers, 0);
    await producer.commitTransaction(timeoutMs);
    const { isWhole, offsets } = await committed;
    assert.equal(isWhole, true);
    assert.deepEqual(
      offsets.map(({ partition, offset }) => [partition, offset]).sort(),
      [[0, 6], [1, 2]],
    );
  },

  async "it stops while the source is down, which it has logged once"(scene) {
    scene.lines.length = 0;
    const open = scene.open();
    await eventually(() => open.leader.status.releasedAtMs !== null, {
      what: "released",
    });
    await scene.source.brokers[0]!.kill();
    const said = () =>
      scene.lines.filter(({ message }) =>
        message === "releasing group positions fails and is tried again"
      );
    await eventually(() => said().length > 0, { what: "logged" });
    await within(stopped(open), 15_000, "stopped");
    await open.leader.ended;
    assert.equal(said().length, 1);
  },
};

async function stopped(open: AsyncDisposable): Promise<void> {
  await open[Symbol.asyncDispose]();
}
