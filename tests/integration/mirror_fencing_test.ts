/** Two mirrors that both believe that a lane is theirs, on Apache Kafka. */
import assert from "node:assert/strict";
import { pause } from "../support/pause.ts";
import { seededRandom } from "../support/load.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import type { MirrorRun } from "../support/mirror_run.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { seed, sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";

const rounds = sized(3, 20);
/** So often is each of two rivals fenced. */
const duels = sized(4, 20);
const partitions = 4;
const topic = "contested";
/** The group gives the lanes of a mirror that is silent for so long away. */
const sessionMs = 3_000;

const rivalModule =
  new URL("../support/rival_mirror.ts", import.meta.url).pathname;

const env = {
  SECONDARY_CONSUMER_SESSION_TIMEOUT_MS: `${sessionMs}`,
  SECONDARY_CONSUMER_HEARTBEAT_INTERVAL_MS: `${sessionMs / 6}`,
  // Transactions that are open for so long are aborted by the broker.
  TRANSACTION_TIMEOUT_MS: "2000",
};

realKafkaTest(
  "a mirror that was stopped past every time-out, and goes on while another has its lanes, writes nothing more of them",
  async () => {
    await using pair = await MirrorPair.start({
      target: {
        "group.min.session.timeout.ms": "1000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
      },
    });
    try {
      await fence(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

realKafkaTest(
  "two mirrors that believe all the time that all lanes are theirs copy everything once",
  async () => {
    await using pair = await MirrorPair.start();
    try {
      await duel(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

/** The rival is in a group of its own, which gives it the lanes as well. */
async function duel(pair: MirrorPair): Promise<void> {
  await pair.create(topic, partitions);
  const load = new Load(pair, seededRandom(seed));
  await using mirror = pair.mirror([topic]);
  await load.write();
  await pair.caughtUp([topic], [mirror]);
  {
    await using rival = pair.mirror([topic], {}, rivalModule);
    // Whoever initialises a lane's id fences the other one, again and again.
    const fenced = (each: MirrorRun) =>
      each.beginnings().filter(({ reason }) => /fenced|epoch/i.test(reason))
        .length;
    await eventually(async () => {
      await load.write();
      return fenced(mirror) >= duels && fenced(rival) >= duels;
    }, { what: "fenced often enough", timeoutMs: 300_000, everyMs: 200 });
    console.log(
      `the mirror was fenced ${fenced(mirror)} times, ` +
        `its rival ${fenced(rival)} times`,
    );
    await rival.stop();
  }
  await load.write();
  await pair.caughtUp([topic], [mirror]);
  await mirror.stop();
  const { counts } = await pair.isExact([{ name: topic }]);
  assert.equal(counts.paired, load.committed);
}

async function fence(pair: MirrorPair): Promise<void> {
  await pair.create(topic, partitions);
  await using one = pair.mirror([topic], { ...env, INSTANCE_ID: "one" });
  await using other = pair.mirror([topic], {
    ...env,
    INSTANCE_ID: "other",
    // Its transactions are still open when it goes on.
    TRANSACTION_TIMEOUT_MS: "120000",
  });
  const random = seededRandom(seed);
  const load = new Load(pair, random);
  for (let round = 0; round < rounds; round++) {
    await shared(one, other);
    const [stopped, heir] = round % 2 === 0 ? [one, other] : [other, one];
    const before = told(stopped).length;
    // In the midst of a transaction, if chance wills.
    const writing = load.write();
    await pause(random() * 300);
    stopped.child.signal("SIGSTOP");
    await writing;
    await heir.until(
      "having all lanes",
      ({ lanes }) => lanes.length === 2,
    );
    await load.write();
    // Now and then the heir has only begun, mostly it has done all.
    if (random() < 0.7) await pair.caughtUp([topic], [heir]);
    stopped.child.signal("SIGCONT");
    await load.write();
    await eventually(() => told(stopped).length > before, {
      what: "told by the one that was stopped",
      timeoutMs: 90_000,
    });
    await pair.caughtUp([topic], [one, other]);
    console.log(`round ${round}: ${told(stopped).slice(before).join("; ")}`);
  }
  await shared(one, other);
  await load.write();
  await pair.caughtUp([topic], [one, other]);
  await Promise.all([one.stop(), other.stop()]);
  const { counts } = await pair.isExact([{ name: topic }]);
  assert.equal(counts.paired, load.committed);
}

/** Resolves when each has one of the two lanes, and works. */
async function shared(...mirrors: readonly MirrorRun[]): Promise<void> {
  await Promise.all(mirrors.map((each) =>
    each.until(
      "sharing the lanes",
      ({ lanes }) => lanes.length === 1 && lanes[0]!.state === "running",
    )
  ));
}

/** What a mirror has said so far of lanes that it had no more. */
const told = (mirror: MirrorRun): string[] =>
  mirror.log(/^(lanes lost|lane begins anew)$/).map((line) =>
    line.lanes === undefined
      ? `lane ${line.lane}: ${line.reason}`
      : `lost: ${line.lanes}`
  );

class Load {
  readonly #pair: MirrorPair;
  readonly #random: () => number;
  #sent = 0;
  #committed = 0;

  constructor(pair: MirrorPair, random: () => number) {
    this.#pair = pair;
    this.#random = random;
  }

  /** Records that a reader of committed ones finds. */
  get committed(): number {
    return this.#committed;
  }

  /** Some hundreds, plain and in transactions, not all of them committed. */
  async write(): Promise<void> {
    const { client } = this.#pair.source;
    for (let part = 0; part < 6; part++) {
      const records = Array.from({ length: 100 }, () => ({
        partition: Math.floor(this.#random() * partitions),
        key: `${this.#sent % 11}`,
        value: `value-${this.#sent++}`,
      }));
      const chance = this.#random();
      const end = chance < 0.2 ? "abort" : chance < 0.5 ? "commit" : undefined;
      await client.produce(
        topic,
        records,
        end === undefined ? {} : { transaction: end },
      );
      if (end !== "abort") this.#committed += records.length;
    }
  }
}
