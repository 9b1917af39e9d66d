/**
 * Stands in for the mirror until there is one, to prove that the stage and the
 * checker work: one process, rounds one after the other, Kafka's own client. It
 * holds what the mirror promises as long as it is alone.
 *
 * A round: what groups have committed, then everything that the source holds to
 * that moment copied in one transaction with the lane logs and MirrorMaker's
 * positions, and only then the groups' positions.
 */
import { createHash } from "node:crypto";
import type { Admin } from "kafkajs";
import {
  IndependentClient,
  type KafkaRecord,
  type Outcome,
} from "../../support/independent_client.ts";
import { pause } from "../../support/pause.ts";
import { quietKafka } from "../../support/quiet_kafkajs.ts";
import type { RecordSession } from "../../support/record_session.ts";
import { lanesTopic, positionsTopic } from "../checker.ts";
import { LaneMaps } from "../lane_maps.ts";
import type { LanePartition, OffsetRun } from "../lane_record.ts";
import { translatedByRuns } from "../translation.ts";
import { FakeTarget } from "./fake_target.ts";
import { encodeLaneRecord } from "./lane_encoder.ts";

const alias = "primary";
const writers = [{ transactionalId: "switchyard-primary-secondary-0" }];
const committed = {
  isolation: "read_committed",
  awaitTransactions: true,
} as const;

interface Read {
  readonly topic: string;
  readonly records: readonly KafkaRecord[];
}

interface GroupPosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

class FakeMirror {
  readonly #source: IndependentClient;
  readonly #target: IndependentClient;
  readonly #sourceAdmin: Admin;
  readonly #targetAdmin: Admin;
  readonly #lanes: number;
  readonly #syncsGroups: boolean;
  readonly #made: FakeTarget;
  #maps = new LaneMaps(lanesTopic(alias), () => {});
  #topics: readonly string[] = [];
  #laneRecords = 0;
  mirrored = 0;

  constructor(
    clients: readonly [IndependentClient, IndependentClient],
    admins: readonly [Admin, Admin],
  ) {
    [this.#source, this.#target] = clients;
    [this.#sourceAdmin, this.#targetAdmin] = admins;
    this.#lanes = Number(Deno.env.get("MIRROR_LANES") ?? "4");
    this.#syncsGroups = Deno.env.get("MIRROR_GROUP_SYNC") === "true";
    const patterns = (Deno.env.get("MIRROR_TOPICS") ?? ".*").split(",");
    this.#made = new FakeTarget(
      this.#sourceAdmin,
      this.#targetAdmin,
      patterns.map((each) => new RegExp(`^(?:${each})$`)),
    );
  }

  /** Ends what a process before this one left open, and learns what it did. */
  async takeOver(): Promise<void> {
    await this.#made.createInternal(alias, this.#lanes);
    await this.#target.write(writers, async (session) => {
      await session.begin(0);
      await session.abort(0);
    });
    await this.#target.visitTopic(lanesTopic(alias), (records) => {
      for (const { partition, offset, value } of records) {
        this.#maps.observe(partition, offset, value);
      }
    }, committed);
  }

  async round(): Promise<void> {
    this.#topics = await this.#made.follow();
    const positions = this.#syncsGroups ? await this.#groupPositions() : [];
    const reads: Read[] = [];
    for (const topic of this.#topics) {
      reads.push({ topic, records: await this.#read(topic) });
    }
    if (reads.some(({ records }) => records.length > 0)) {
      await this.#copy(reads);
    }
    await this.#release(positions);
  }

  status() {
    const lanes = Array.from({ length: this.#lanes }, (_, lane) => ({
      lane,
      state: "copying",
      partitions: [],
    }));
    return {
      role: "mirror",
      phase: "running",
      lanes,
      totals: { mirrored: this.mirrored, bytes: 0 },
      lag: { records: 0, ageMs: 0 },
      damage: [],
    };
  }

  async #read(topic: string): Promise<KafkaRecord[]> {
    const partitions = await this.#source.partitionCount(topic);
    const from = new Map(
      Array.from({ length: partitions }, (_, partition) => [
        partition,
        this.#maps.of(topic, partition)?.position ?? 0,
      ]),
    );
    const records: KafkaRecord[] = [];
    await this.#source.visitTopic(
      topic,
      (some) => records.push(...some),
      { ...committed, from },
    );
    return records;
  }

  async #copy(reads: readonly Read[]): Promise<void> {
    const offsets: number[] = [];
    const told = (outcome: Outcome) => {
      if (outcome.kind === "unknown") throw new Error(outcome.reason);
      offsets[outcome.index] = outcome.offset;
    };
    const lanes = new Map<number, LanePartition[]>();
    await this.#target.write(writers, async (session) => {
      await session.begin(0);
      for (const { topic, records } of reads) {
        for (const record of records) await session.send(0, topic, record);
      }
      await session.flush(0);
      let index = 0;
      for (const { topic, records } of reads) {
        const runs = runsOf(records, (at) => offsets[index + at]!);
        index += records.length;
        for (const [partition, ofPartition] of runs) {
          const delta = deltaOf(topic, partition, ofPartition);
          const lane = laneOf(topic, partition, this.#lanes);
          lanes.set(lane, [...lanes.get(lane) ?? [], delta]);
          await this.#sendPosition(session, delta);
        }
      }
      for (const [lane, partitions] of lanes) {
        await session.send(0, lanesTopic(alias), {
          partition: lane,
          value: laneValue(partitions),
        });
      }
      await session.commit(0);
    }, told);
    for (const [lane, partitions] of lanes) {
      this.#maps.observe(lane, this.#laneRecords++, laneValue(partitions));
    }
    this.mirrored += reads.reduce((sum, each) => sum + each.records.length, 0);
  }

  async #sendPosition(
    session: RecordSession,
    { topic, partition, position }: LanePartition,
  ): Promise<void> {
    const from = { cluster: alias, partition, topic };
    await session.send(0, positionsTopic(alias), {
      key: JSON.stringify(["MirrorSourceConnector", from]),
      value: JSON.stringify({ offset: position - 1 }),
    });
  }

  async #groupPositions(): Promise<GroupPosition[]> {
    const { groups } = await this.#sourceAdmin.listGroups();
    const positions: GroupPosition[] = [];
    for (const { groupId: group } of groups) {
      const offsets = await this.#sourceAdmin.fetchOffsets({
        groupId: group,
        topics: [...this.#topics],
      });
      for (const { topic, partitions } of offsets) {
        for (const { partition, offset } of partitions) {
          if (offset === "-1") continue;
          positions.push({ group, topic, partition, offset: Number(offset) });
        }
      }
    }
    return positions;
  }

  async #release(positions: readonly GroupPosition[]): Promise<void> {
    for (const { group, topic, partition, offset } of positions) {
      const { runs = [] } = this.#maps.of(topic, partition) ?? {};
      const translated = translatedByRuns(runs, offset);
      if (translated === null) continue;
      await this.#targetAdmin.setOffsets({
        groupId: group,
        topic,
        partitions: [{ partition, offset: String(translated) }],
      });
    }
  }
}

/** By partition, from records in the order of sending. */
function runsOf(
  records: readonly KafkaRecord[],
  downstreamOf: (at: number) => number,
): Map<number, OffsetRun[]> {
  const byPartition = new Map<number, OffsetRun[]>();
  records.forEach(({ partition, offset: upstream }, at) => {
    const runs = byPartition.get(partition) ?? [];
    byPartition.set(partition, runs);
    const downstream = downstreamOf(at);
    const last = runs.at(-1);
    const goesOn = last !== undefined &&
      last.upstream + last.length === upstream &&
      last.downstream + last.length === downstream;
    if (goesOn) runs[runs.length - 1] = { ...last, length: last.length + 1 };
    else runs.push({ upstream, downstream, length: 1 });
  });
  return byPartition;
}

function deltaOf(
  topic: string,
  partition: number,
  runs: readonly OffsetRun[],
): LanePartition {
  const last = runs.at(-1)!;
  const topicId = createHash("md5").update(topic).digest("hex");
  const position = last.upstream + last.length;
  const leaderEpoch = null;
  return { topic, topicId, partition, position, leaderEpoch, runs };
}

const laneValue = (partitions: readonly LanePartition[]) =>
  encodeLaneRecord({ kind: "delta", era: 0, part: 0, parts: 1, partitions });

function laneOf(topic: string, partition: number, lanes: number): number {
  const hash = createHash("md5").update(`${topic} ${partition}`).digest();
  return hash.readUInt32BE() % lanes;
}

async function main(): Promise<void> {
  const brokers = ["PRIMARY_BROKERS", "SECONDARY_BROKERS"].map((name) => {
    const value = Deno.env.get(name);
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  });
  const [primary, secondary] = brokers as [string, string];
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort());
  await using source = await IndependentClient.connect(primary);
  await using target = await IndependentClient.connect(secondary, {
    sharing: source,
  });
  const admins = [quietKafka(primary).admin(), quietKafka(secondary).admin()];
  for (const admin of admins) await admin.connect();
  const mirror = new FakeMirror(
    [source, target],
    admins as unknown as readonly [Admin, Admin],
  );
  await mirror.takeOver();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json(mirror.status()),
  );
  const http = `http://127.0.0.1:${server.addr.port}`;
  console.error(JSON.stringify({ level: "info", message: "started", http }));
  const everyMs = Number(Deno.env.get("MIRROR_TRANSACTION_MS") ?? "100");
  while (!stop.signal.aborted) {
    await mirror.round();
    await pause(everyMs, stop.signal);
  }
  for (const admin of admins) await admin.disconnect();
  const { mirrored } = mirror;
  console.log(JSON.stringify({ event: "summary", mirrored }));
}

await main();
