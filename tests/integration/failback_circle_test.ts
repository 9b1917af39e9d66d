/** Two whole circles on two real clusters: failover, tail, home, and all again. */
import assert from "node:assert/strict";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import {
  BEFORE_HEADER,
  type Place,
  placesText,
} from "../../src/pool/places.ts";
import { encodeCoordinates } from "../support/coordinates_text.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import type { KafkaRecord } from "../support/independent_client.ts";
import { MirrorPair, type PairSide } from "../support/mirror_pair.ts";
import type { MirrorRun } from "../support/mirror_run.ts";
import { realKafkaTest } from "../support/require_java.ts";

const input = "logins";
const output = "logins-processed";
const delay = "logins.retry.1s";
/** Made when nobody mirrors any more, and only read on the secondary. */
const late = "late";
/** Retention on the secondary takes some of it. */
const short = "short";
const topics = [input, output, delay, late, short];
const group = "pool/of-the-test";
const readers = "readers";
const committed = { isolation: "read_committed" } as const;
const request = { timeoutMs: 30_000 };
const sync = { MIRROR_GROUP_SYNC: "true", MIRROR_CUT_INTERVAL_MS: "300" };
const env = {
  MIRROR_TOPICS: topics.join(","),
  OUTPUT_TOPIC: output,
  HTTP_PORT: "0",
};
const PREFIX = 40;
const TAIL = 60;
const SINCE = 20;
const decoder = new TextDecoder();

realKafkaTest(
  "two circles in a row: each record and each result is once on both clusters, also results of the tail that were made again, and retried",
  async () => {
    await using pair = await MirrorPair.start();
    try {
      await pair.create(input, 2);
      await pair.create(output, 1);
      await pair.create(delay, 1);
      await pair.create(short, 1);
      await using circles = new Circles(pair);
      await circles.first();
      await circles.second();
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

class Circles implements AsyncDisposable {
  readonly #pair: MirrorPair;
  readonly #runs: FailbackRuns;
  /** That there must be, on both clusters. */
  readonly #inputs: string[] = [];
  /** Of these, those that came to the delay topic. */
  readonly #retried: string[] = [];
  #forward: MirrorRun;
  #back: MirrorRun | null = null;

  constructor(pair: MirrorPair) {
    this.#pair = pair;
    this.#runs = new FailbackRuns(pair, env);
    this.#forward = pair.mirror(topics);
  }

  async first(): Promise<void> {
    const { source, target } = this.#pair;
    await source.client.produce(short, named("kept", 5));
    await this.#away("1", async () => {
      await this.#pair.create(late, 1);
      await source.client.produce(late, named("late", 5));
    });
    await target.client.produce(short, named("since", 10));
    const [end] = await target.client.watermarks(short);
    const [answer] = await target.admin.partitions.deleteRecords(
      [{ topic: short, partition: 0, offset: end!.high - 4 }],
      request,
    );
    assert.equal(answer!.error, null);

    await this.#return();
    const plan = await this.#runs.json("failback", "--dry-run");
    assert.deepEqual(plan.problems, []);
    assert.match(plan.notes.join(), /^up to \d+ records of short /);
    const wrong = await this.#runs.run(
      "failback",
      "--dry-run",
      "--tail",
      "login=discard",
    );
    assert.equal(wrong.code, 1, wrong.said);
    assert.match(wrong.said, /"login".*did you mean "logins"/);
    await this.#recover("1");

    // Somebody has yet to read a result that is not mirrored back.
    const [again] = await recordsOf(target, output, ["1t0"]);
    await this.#read({ [`${output}-0`]: again!.offset });
    const early = await this.#runs.run("failback", "--switch");
    assert.equal(early.code, 1, early.said);
    assert.match(early.said, /readers has yet to read logins-processed \[0\]/);
    await this.#home(2);

    assert.deepEqual(await valuesIn(source, short), [
      ...values("kept", 5),
      ...values("since", 10).slice(6),
    ]);
    assert.deepEqual(await valuesIn(source, late), values("late", 5));
    const [position] = await source.client.committedOffsets(readers, late);
    assert.equal(position?.offset, 5, "its tail would be read again");
  }

  async second(): Promise<void> {
    await this.#away("2", () => Promise.resolve());
    await this.#return();
    await this.#recover("2");
    await this.#home(4);
    const { source } = this.#pair;
    await source.client.produce(input, this.#numbered("end", 0, 6));
    await this.#pair.caughtUp([input, output], [this.#forward]);
    await this.#expectOnce();
  }

  /** Load, a tail with results in it, and the end of the primary. */
  async #away(circle: string, more: () => Promise<void>): Promise<void> {
    const { source, target } = this.#pair;
    await this.#forward.running();
    const prefix = this.#numbered(`${circle}a`, 0, PREFIX);
    await source.client.produce(input, prefix);
    await work(source, valuesOf(prefix).slice(0, PREFIX - 10));
    await this.#pair.caughtUp([input, output, delay, short], [this.#forward]);
    await this.#forward.stop();
    const tail = this.#numbered(`${circle}t`, 0, TAIL);
    await source.client.produce(input, tail);
    await work(source, valuesOf(prefix).slice(PREFIX - 10, PREFIX - 5));
    await work(source, valuesOf(tail).slice(0, TAIL / 3));
    const retried = [
      ...valuesOf(prefix).slice(PREFIX - 5),
      ...valuesOf(tail).slice(TAIL / 3, TAIL / 2),
    ];
    await retry(source, retried);
    this.#retried.push(...retried);
    await more();
    await source.cluster.brokers[0]!.kill();
    await this.#runs.json("failover");
    const since = this.#numbered(`${circle}c`, 0, SINCE);
    await target.client.produce(input, since);
    await work(target, valuesOf(prefix).slice(PREFIX - 10, PREFIX - 5));
    await retry(target, valuesOf(prefix).slice(PREFIX - 5));
    await work(target, valuesOf(since));
  }

  async #return(): Promise<void> {
    const { source } = this.#pair;
    await source.cluster.brokers[0]!.restart();
    await source.admin.describeCluster({ timeoutMs: 60_000 });
  }

  /** What is made of the replayed records comes while the mirror is at work. */
  async #recover(circle: string): Promise<void> {
    const { target } = this.#pair;
    await using failback = this.#runs.start("failback");
    this.#back ??= this.#pair.mirror(topics, sync, undefined, [
      "--from",
      "secondary",
    ]);
    await failback.waitForLine(/^reverse /, { timeoutMs: 90_000 });
    const tail = values(`${circle}t`, TAIL);
    await work(target, tail.slice(0, TAIL / 3));
    await retry(target, tail.slice(TAIL / 3, TAIL / 2));
    await work(target, tail.slice(TAIL / 2));
    await failback.waitForLine(/^catch up /, { timeoutMs: 90_000 });
    assert.equal((await failback.exit()).code, 0);
  }

  async #home(era: number): Promise<void> {
    const { source } = this.#pair;
    await this.#read({});
    const { outcome, state } = await this.#runs.json("failback", "--switch");
    assert.deepEqual(
      [outcome, state.active, state.phase, state.era],
      ["home", "primary", "steady", era],
    );
    await this.#back!.until("idle", ({ phase }) => phase === "idle");
    await this.#expectOnce();
    for (const topic of [input, output]) {
      const records = await source.client.readTopic(topic, committed);
      const positions = await source.client.committedOffsets(readers, topic);
      for (const [partition, position] of positions.entries()) {
        const last = records.findLast((each) => each.partition === partition);
        assert.equal(
          position?.offset,
          last!.offset + 1,
          `${topic} ${partition}`,
        );
      }
    }
    this.#forward = this.#pair.mirror(topics);
  }

  /** The group has read everything on the secondary, but for some partitions. */
  async #read(behind: Readonly<Record<string, number>>): Promise<void> {
    const { target } = this.#pair;
    for (const topic of [input, output, delay, late]) {
      const ends = await target.client.watermarks(topic);
      await target.admin.groups.alterOffsets(
        readers,
        ends.map(({ high }, partition) => ({
          topic,
          partition,
          offset: behind[`${topic}-${partition}`] ?? high,
        })),
        request,
      );
    }
  }

  /** Of each input, itself and its result. */
  async #expectOnce(): Promise<void> {
    const { source, target } = this.#pair;
    const inputs = this.#inputs.toSorted();
    const results = inputs.filter((each) => !each.startsWith("end"));
    for (const side of [source, target]) {
      assert.deepEqual((await valuesIn(side, input)).toSorted(), inputs);
      assert.deepEqual((await valuesIn(side, output)).toSorted(), results);
      assert.deepEqual(
        (await valuesIn(side, delay)).toSorted(),
        this.#retried.toSorted(),
      );
    }
  }

  #numbered(name: string, from: number, count: number) {
    const records = values(name, count).map((value, at) => ({
      partition: (from + at) % 2,
      key: value,
      value,
    }));
    this.#inputs.push(...valuesOf(records));
    return records;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forward[Symbol.asyncDispose]();
    await this.#back?.[Symbol.asyncDispose]();
  }
}

/** As a pool does, on one of the clusters: a result of each of these inputs. */
async function work(side: PairSide, inputs: readonly string[]): Promise<void> {
  const from = await placesIn(side, input, inputs);
  await side.client.produce(output, from.map(outputIn(output)));
}

/** The same, of inputs that fail once. */
async function retry(side: PairSide, inputs: readonly string[]): Promise<void> {
  const from = await placesIn(side, input, inputs);
  await side.client.produce(delay, from.map(outputIn(delay)));
  const before = new Map(
    from.map(({ place, value }) => [value, placesText(place, null)]),
  );
  const again = await placesIn(side, delay, inputs);
  await side.client.produce(
    output,
    again.map((each) => {
      const { headers, value } = outputIn(output)(each);
      const name = BEFORE_HEADER;
      return {
        value,
        headers: [...headers, { name, value: before.get(value)! }],
      };
    }),
  );
}

interface Read {
  readonly place: Place;
  readonly value: string;
}

const outputIn = (outputTopic: string) => ({ place, value }: Read) => ({
  value,
  headers: [{
    name: COORDINATES_HEADER,
    value: encodeCoordinates({
      ...place,
      ordinal: 0,
      count: 1,
      outputTopic,
      group,
    }),
  }],
});

async function placesIn(
  side: PairSide,
  topic: string,
  wanted: readonly string[],
): Promise<Read[]> {
  const { clusterId } = await side.admin.describeCluster(request);
  const [summary] = await side.admin.topics.summarize([topic], request);
  const { topicId } = summary!;
  const records = await recordsOf(side, topic, wanted);
  assert.equal(records.length, wanted.length);
  return records.map(({ offset, partition, value }) => ({
    place: { clusterId: clusterId!, topicId, partition, offset },
    value: decoder.decode(value!),
  }));
}

async function recordsOf(
  { client }: PairSide,
  topic: string,
  wanted: readonly string[],
): Promise<KafkaRecord[]> {
  const records = await client.readTopic(topic, committed);
  const these = new Set(wanted);
  return records.filter(({ value }) => these.has(decoder.decode(value!)));
}

async function valuesIn({ client }: PairSide, topic: string) {
  const records = await client.readTopic(topic, committed);
  return records.map(({ value }) => decoder.decode(value!));
}

const values = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${name}${at}`);

const valuesOf = (records: readonly { readonly value: string }[]): string[] =>
  records.map(({ value }) => value);

const named = (name: string, count: number) =>
  values(name, count).map((value) => ({ partition: 0, key: value, value }));
