/**
 * Processors of an application on two real clusters, over a failover, the replay
 * of the tail, and home again: of each order each result is there once.
 *
 *     orders   mirrored before the kill               what comes of them
 *     w        all, and the group's position          all of it
 *     x        the orders and bills, no notes         notes
 *     t        bills alone                            notes, replayed
 *     u        nothing                                all of it, replayed
 *     s        made on the secondary                  all of it
 *     h        made on the primary, at home again     all of it
 */
import assert from "node:assert/strict";
import {
  ActiveCluster,
  type FollowedRecord,
  type FollowerEvent,
  FollowingProcessor,
  type OutputRecord,
} from "../../dr/follow/mod.ts";
import { library, text } from "../support/embedded.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import type { KafkaRecord } from "../support/independent_client.ts";
import { MirrorPair, type PairSide } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually, within } from "../support/wait.ts";

const ORDERS = "orders";
const BILLS = "bills";
const NOTES = "notes";
const topics = [ORDERS, BILLS, NOTES];
const GROUP = "billing";
const COUNT = 40;
const sync = { MIRROR_GROUP_SYNC: "true", MIRROR_CUT_INTERVAL_MS: "300" };
const committed = { isolation: "read_committed" } as const;
const timeoutMs = 90_000;
const { signal } = new AbortController();
const decoder = new TextDecoder();

realKafkaTest(
  "each result of an application is there once, whatever part of it was mirrored, on both clusters in the end",
  async () => {
    await using pair = await MirrorPair.start();
    try {
      await circle(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

async function circle(pair: MirrorPair): Promise<void> {
  const { source, target } = pair;
  await pair.create(ORDERS, 2);
  await pair.create(BILLS, 1);
  await pair.create(NOTES, 1);
  await using application = await Application.start(pair);

  await order(source, "w");
  await pair.copy(topics, sync, () => settled(target));
  await order(source, "x");
  await pair.copy([ORDERS, BILLS]);
  await order(source, "t");
  await pair.copy([BILLS]);
  await order(source, "u");
  await expectOnce(source, ["w", "x", "t", "u"]);

  await source.cluster.brokers[0]!.kill();
  const runs = new FailbackRuns(pair, {
    MIRROR_TOPICS: topics.join(","),
    HTTP_PORT: "0",
  });
  const promoted = await runs.json("failover");
  const bills = resultsOf("x").filter((each) => each.startsWith(BILLS)).length;
  assert.deepEqual([promoted.done, promoted.tail], [bills, bills]);
  await settled(target);
  assert.equal(application.leftOut(), bills);
  await expectOnce(target, ["w", "x"], resultsOf("t"));
  await order(target, "s");

  await source.cluster.brokers[0]!.restart();
  await source.admin.describeCluster({ timeoutMs });
  await using _back = pair.mirror(topics, sync, undefined, [
    "--from",
    "secondary",
  ]);
  const recovered = await runs.run("failback");
  assert.equal(recovered.code, 0, recovered.said);
  await settled(target);
  assert.equal(application.leftOut(), 2 * bills);
  await expectOnce(target, ["w", "x", "t", "u", "s"]);

  const { outcome } = await runs.json("failback", "--switch");
  assert.equal(outcome, "home");
  await order(source, "h");
  await expectOnce(source, ["w", "x", "t", "u", "s", "h"]);
  await within(application.end(), timeoutMs, "ended");
}

/** Two processors, which share the partitions. */
class Application implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #events: FollowerEvent[] = [];
  readonly #running: Promise<void>[] = [];

  static async start({ source, target }: MirrorPair): Promise<Application> {
    const application = new Application();
    const propertiesOf = ({ cluster }: PairSide) => ({
      kafka: { "bootstrap.servers": cluster.bootstrapServers },
    });
    const active = application.#stack.use(
      await ActiveCluster.open({
        library,
        primary: propertiesOf(source),
        secondary: propertiesOf(target),
        onEvent: (event) => application.#events.push(event),
      }, signal),
    );
    for (const number of [1, 2]) {
      const processor = application.#stack.use(
        new FollowingProcessor(active, {
          group: GROUP,
          topics: [ORDERS],
          transactionalId: `${GROUP}-${number}`,
          batchRecords: 7,
        }),
      );
      application.#running.push(processor.run(process, signal));
    }
    return application;
  }

  /** Results that were there already. */
  leftOut(): number {
    return this.#events.reduce(
      (sum, each) => sum + (each.kind === "leftOut" ? each.records : 0),
      0,
    );
  }

  async end(): Promise<void> {
    await this.#stack.disposeAsync();
    await Promise.all(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** None, one, two or three results, by the order's number. */
function process({ value }: FollowedRecord): OutputRecord[] {
  const name = text(value)!;
  return namesOf(name).map((result) => {
    const [topic, value] = result.split(": ");
    return { topic: topic!, key: name, value: value! };
  });
}

function namesOf(order: string): string[] {
  const bill = `${BILLS}: ${order}`;
  const note = `${NOTES}: ${order}`;
  const all = [bill, `${bill} again`, note];
  switch (Number(order.slice(1)) % 4) {
    case 0:
      return [];
    case 1:
      return [bill];
    case 2:
      return [bill, note];
    default:
      return all;
  }
}

const ordersOf = (set: string) =>
  Array.from({ length: COUNT }, (_, at) => `${set}${at}`);
const resultsOf = (...sets: readonly string[]) =>
  sets.flatMap(ordersOf).flatMap(namesOf).sort();

/** Writes the orders, and waits until all that are there were processed. */
async function order(side: PairSide, set: string): Promise<void> {
  await side.client.produce(
    ORDERS,
    ordersOf(set).map((value, at) => ({ partition: at % 2, value })),
  );
  await settled(side);
}

async function settled({ client }: PairSide): Promise<void> {
  await eventually(async () => {
    const records = await client.readTopic(ORDERS, committed);
    const positions = await client.committedOffsets(GROUP, ORDERS);
    return [0, 1].every((partition) =>
      (positions[partition]?.offset ?? 0) > lastOf(records, partition)
    );
  }, { what: "settled", timeoutMs, everyMs: 500 });
}

const lastOf = (records: readonly KafkaRecord[], partition: number) =>
  records.findLast((each) => each.partition === partition)?.offset ?? -1;

/** All results of these orders, and besides these. */
async function expectOnce(
  { client }: PairSide,
  whole: readonly string[],
  others: readonly string[] = [],
): Promise<void> {
  const found: string[] = [];
  for (const topic of [BILLS, NOTES]) {
    const records = await client.readTopic(topic, committed);
    found.push(
      ...records.map(({ value }) => `${topic}: ${decoder.decode(value!)}`),
    );
  }
  const besides = others.filter((each) => each.startsWith(BILLS));
  assert.deepEqual(found.sort(), [...resultsOf(...whole), ...besides].sort());
}
