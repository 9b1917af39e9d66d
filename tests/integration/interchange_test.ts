/**
 * A real MirrorMaker 2 and our mirror take turns at copying a topic, while its
 * load goes on: each goes on where the other was stopped.
 */
import assert from "node:assert/strict";
import {
  decodeLaneRecord,
  OffsetMap,
  type Translation,
} from "../../dr/offset_map/mod.ts";
import { lanesTopic, positionsTopic } from "../mirror/checker.ts";
import { ConnectPositions } from "../mirror/connect_positions.ts";
import type { MirrorStatus } from "../mirror/mirror_process.ts";
import { Child } from "../support/child.ts";
import { Sender, text } from "../support/embedded.ts";
import {
  IndependentClient,
  type KafkaRecord,
} from "../support/independent_client.ts";
import { logLine, withoutOurs } from "../support/job_process.ts";
import { type KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import { withMirrorMaker } from "../support/mirror_maker.ts";
import type { MirrorMakerOptions } from "../support/mirror_maker.ts";
import { pause } from "../support/pause.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";
import { type Pair, wrongIn } from "../unit/support_offset_model.ts";

type Policy = "identity" | "default";
type Mirrored = "theirs" | "ours";

const TOPIC = "orders";
const PARTITIONS = 2;
/** Of each turn, at the least. */
const TURN_RECORDS = 400;
const WAVE_RECORDS = 50;
const SLOW_MS = 120_000;

/** Sends numbered records until it is ended. */
class Load {
  readonly #sender: Sender;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #sent = 0;
  #ended: Promise<void> | undefined;

  constructor(bootstrapServers: string) {
    this.#sender = new Sender(bootstrapServers);
    this.#running = this.#run();
    // Told when it is ended.
    this.#running.catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (let index = 0; index < WAVE_RECORDS; index++) {
        this.#sender.outbox.add(1, index, {
          topic: TOPIC,
          partition: this.#sent % PARTITIONS,
          value: `order ${this.#sent++}`,
        });
      }
      this.#sender.outbox.send();
      await eventually(async () => {
        await this.#sender.reported();
        return true;
      }, { what: "stored the load", timeoutMs: SLOW_MS });
      assert.ok(
        this.#sender.reports.every(({ code }) => code === 0),
        "a record of the load failed",
      );
      await pause(100, this.#stop.signal);
    }
  }

  /** Resolves when everything that it has sent is stored. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#ended ??= this.#end();
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    try {
      await this.#running;
    } finally {
      await this.#sender[Symbol.asyncDispose]();
    }
  }
}

interface Setting {
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly policy: Policy;
  readonly onSource: IndependentClient;
  readonly onTarget: IndependentClient;
  readonly targetTopic: string;
}

async function setUp(
  policy: Policy,
  use: (setting: Setting) => Promise<void>,
): Promise<void> {
  const small = { heapMb: 256 };
  await withCluster(
    small,
    (source) =>
      withCluster({ ...small, nodeIdBase: 101 }, async (target) => {
        await source.createTopic(TOPIC, PARTITIONS);
        await using onSource = await IndependentClient.connect(
          source.bootstrapServers,
        );
        await using onTarget = await IndependentClient.connect(
          target.bootstrapServers,
          { sharing: onSource },
        );
        const targetTopic = policy === "identity" ? TOPIC : `primary.${TOPIC}`;
        const clients = { onSource, onTarget };
        await use({ source, target, policy, ...clients, targetTopic });
      }),
  );
}

/** By partition; 0 where there is no topic yet. */
async function endsOf(
  client: IndependentClient,
  topic: string,
): Promise<number[]> {
  if (!(await client.topics()).includes(topic)) return [0, 0];
  return (await client.watermarks(topic)).map(({ high }) => high);
}

/** Waits until each partition has so many records more than before. */
async function copied(
  { onTarget, targetTopic }: Setting,
  before: readonly number[],
): Promise<void> {
  await eventually(async () => {
    const ends = await endsOf(onTarget, targetTopic);
    return ends.length === PARTITIONS &&
      ends.every((end, partition) =>
        end - before[partition]! >= TURN_RECORDS / PARTITIONS
      );
  }, { what: "copied", timeoutMs: SLOW_MS });
}

async function theirTurn(
  setting: Setting,
  before: readonly number[],
): Promise<void> {
  const { policy, source, target } = setting;
  const options: MirrorMakerOptions = {
    source: { alias: "primary", brokers: source.bootstrapServers },
    target: { alias: "secondary", brokers: target.bootstrapServers },
    topics: [TOPIC],
    policy,
    heapMb: 128,
  };
  await withMirrorMaker(options, async (mirrorMaker) => {
    await copied(setting, before);
    await mirrorMaker.stop();
  });
}

/** @param meanwhile what else must have come before it is stopped */
async function ourTurn(
  setting: Setting,
  before: readonly number[],
  meanwhile: (http: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { policy, source, target } = setting;
  await using child = Child.deno(
    ["run", "-A", "--no-check", "src/main.ts", "mirror"],
    {
      env: {
        ...withoutOurs(),
        PRIMARY_BROKERS: source.bootstrapServers,
        SECONDARY_BROKERS: target.bootstrapServers,
        MIRROR_TOPICS: TOPIC,
        MIRROR_POLICY: policy,
        MIRROR_LANES: "2",
        HTTP_PORT: "0",
      },
    },
  );
  const line = await child.waitForLine(/"message":"started"/, {
    stream: "stderr",
    timeoutMs: SLOW_MS,
  });
  await copied(setting, before);
  await meanwhile(logLine(line)["http"] as string);
  child.signal("SIGTERM");
  const { code } = await child.exit(60_000);
  assert.equal(code, 0, child.lines("stderr").slice(-20).join("\n"));
}

/** Everything that the source has now is mirrored. */
async function caughtUp(setting: Setting, http: string): Promise<void> {
  const ends = await endsOf(setting.onSource, TOPIC);
  await eventually(async () => {
    const response = await fetch(`${http}/status`);
    const { lanes } = await response.json() as MirrorStatus;
    // Heartbeats are mirrored, too.
    const all = lanes.flatMap(({ partitions }) => partitions)
      .filter(({ topic }) => topic === TOPIC);
    return all.length === PARTITIONS &&
      all.every(({ partition, position }) => position === ends[partition]);
  }, { what: "mirrored to the end", timeoutMs: SLOW_MS });
}

const valuesOf = (records: readonly KafkaRecord[]) =>
  records.map(({ value }) => text(value));

const of = (records: readonly KafkaRecord[], partition: number) =>
  records.filter((record) => record.partition === partition);

/** What the lanes' logs say. */
async function readMap({ onTarget }: Setting): Promise<OffsetMap> {
  const map = new OffsetMap();
  const options = { isolation: "read_committed" } as const;
  const records = await onTarget.readTopic(lanesTopic("primary"), options);
  for (const { partition, value } of records) {
    map.apply(partition, decodeLaneRecord(value!));
  }
  return map;
}

async function readPositions({ onTarget }: Setting) {
  const positions = new ConnectPositions("primary");
  const options = { isolation: "read_committed" } as const;
  const records = await onTarget.readTopic(positionsTopic("primary"), options);
  for (const { key, value } of records) positions.observe(key, value);
  return positions;
}

/** Turns, and where each partition of the target ended with them. */
interface Turn {
  readonly mirrored: Mirrored;
  readonly ends: readonly number[];
}

const isOurs = (turns: readonly Turn[], partition: number, offset: number) =>
  turns.find(({ ends }) => offset < ends[partition]!)?.mirrored === "ours";

function checkTranslations(
  map: OffsetMap,
  pairs: readonly Pair[],
  partition: number,
  turns: readonly Turn[],
): void {
  const theirs: Translation[] = [];
  for (const { upstream, downstream } of pairs) {
    const answer = map.translate({ topic: TOPIC, partition }, upstream)!;
    const mustBeExact = isOurs(turns, partition, downstream);
    const wrong = wrongIn(answer, pairs, upstream, mustBeExact);
    assert.equal(wrong, null, `${TOPIC} [${partition}] at ${upstream}`);
    if (!mustBeExact) theirs.push(answer);
  }
  const inexact = theirs.filter(({ exact }) => !exact);
  assert.ok(inexact.length > theirs.length / 2, "what is not known is said");
  // Its offset syncs tell more than nothing.
  assert.ok(inexact.some(({ offset }) => offset > 0), "syncs are read");
}

async function interchange(setting: Setting): Promise<void> {
  const { onSource, onTarget, targetTopic } = setting;
  const turns: Turn[] = [];
  const ended = async (mirrored: Mirrored) => {
    const ends = await endsOf(onTarget, targetTopic);
    turns.push({ mirrored, ends });
    return ends;
  };
  {
    await using load = new Load(setting.source.bootstrapServers);
    await theirTurn(setting, [0, 0]);
    await ourTurn(setting, await ended("theirs"));
    await theirTurn(setting, await ended("ours"));
    await ourTurn(setting, await ended("theirs"), async (http) => {
      await load[Symbol.asyncDispose]();
      await caughtUp(setting, http);
    });
    await ended("ours");
  }

  const source = await onSource.readTopic(TOPIC);
  const target = await onTarget.readTopic(targetTopic, {
    isolation: "read_committed",
  });
  const map = await readMap(setting);
  const positions = await readPositions(setting);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const [from, to] = [of(source, partition), of(target, partition)];
    assert.deepEqual(valuesOf(to), valuesOf(from));
    const pairs = from.map(({ offset: upstream }, at) => ({
      upstream,
      downstream: to[at]!.offset,
    }));
    checkTranslations(map, pairs, partition, turns);
    const end = from.at(-1)!.offset + 1;
    assert.equal(map.position({ topic: TOPIC, partition })!.position, end);
    assert.equal(positions.of(TOPIC, partition), end);
  }
}

for (const policy of ["identity", "default"] as const) {
  realKafkaTest(
    `MirrorMaker 2 and the mirror go on where the other was stopped, under the policy ${policy}, with each record once, and what the mirror copied translates exactly`,
    () => setUp(policy, interchange),
  );
}
