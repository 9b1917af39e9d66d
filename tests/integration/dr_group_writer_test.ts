/** Positions of groups that are set from outside, and the end of the right to. */
import assert from "node:assert/strict";
import { GroupWriter } from "../../dr/cut/group_writer.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { library, Member, produce, Sender } from "../support/embedded.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const { signal } = new AbortController();
const ID = "switchyard-primary-secondary-groups";
const TOPIC = "in";
const to = (offset: number, metadata = "") => [
  { topic: TOPIC, partition: 0, offset, metadata },
];

realKafkaTest(
  "positions of groups are set from outside, by one at a time",
  async (context) => {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await KafkaCluster.start({ heapMb: 256 }));
    const { bootstrapServers } = cluster;
    const admin = stack.use(
      new Admin(library, { "bootstrap.servers": bootstrapServers }),
    );
    await admin.topics.create([{ topic: TOPIC, partitions: 2 }], {
      timeoutMs: 30_000,
    });
    await produce(bootstrapServers, [{
      topic: TOPIC,
      partition: 0,
      value: "x",
    }]);
    const client = stack.use(await IndependentClient.connect(bootstrapServers));
    const there = async (group: string) =>
      (await client.committedOffsets(group, TOPIC))[0];
    const until = (group: string, offset: number, metadata = "") =>
      eventually(async () => {
        assert.deepEqual(await there(group), { offset, metadata });
        return true;
      }, { what: `"${group}" at ${offset}` });
    let hasEnded = false;
    const open = () =>
      new GroupWriter({
        library,
        properties: { "bootstrap.servers": bootstrapServers },
        onEvent: () => {},
        transactionalId: ID,
        expectOurs: () =>
          hasEnded
            ? Promise.reject(new Error("it is over"))
            : Promise.resolve(),
      });
    /** The first time the coordinators may have yet to be found. */
    const set = (writer: GroupWriter, group: string, offset: number) =>
      eventually(async () => {
        const outcome = await writer.commit(group, to(offset, "note"), signal);
        assert.equal(outcome.kind, "committed", Deno.inspect(outcome));
        return true;
      }, { what: `"${group}" set to ${offset}` });
    const steps: Readonly<Record<string, () => Promise<void>>> = {
      async "a group without members, or that was never there, gets them"() {
        await using writer = open();
        await set(writer, "new", 1);
        await until("new", 1, "note");
        await set(writer, "new", 3);
        await until("new", 3, "note");
      },
      ...Object.fromEntries(
        (["classic", "consumer"] as const).map((protocol) => [
          `a group with members, of the protocol ${protocol}, keeps its own`,
          async () => {
            await using member = new Member(bootstrapServers, {
              "group.id": protocol,
              "group.protocol": protocol,
            });
            await using writer = open();
            await set(writer, protocol, 1);
            await until(protocol, 1, "note");
            member.consumer.subscribe([TOPIC]);
            await member.until(() => member.assigned.length === 2, "assigned");
            for (let count = 0; count < 2; count++) {
              const outcome = await writer.commit(protocol, to(9), signal);
              assert.deepEqual(outcome, { kind: "active" });
            }
            // Another group is not held up by that.
            await set(writer, "beside", 2);
            assert.equal((await there(protocol))?.offset, 1);
          },
        ]),
      ),
      async "whoever initialises the id ends it: nothing more is set, and it is not taken back"() {
        await using writer = open();
        await set(writer, "ended", 5);
        hasEnded = true;
        {
          await using successor = new Sender(bootstrapServers, {
            "transactional.id": ID,
          });
          await successor.producer.initTransactions(30_000);
        }
        const late = await writer.commit("ended", to(4), signal);
        assert.equal(late.kind, "failed");
        for (let count = 0; count < 2; count++) {
          await assert.rejects(
            writer.commit("ended", to(4), signal),
            /it is over/,
          );
        }
        await until("ended", 5, "note");
      },
    };
    for (const [name, step] of Object.entries(steps)) {
      if (!await context.step(name, step)) cluster.keepLogs();
    }
  },
);
