/**
 * Judges a mirror by reading both clusters with clients that are not ours, and
 * shares no code with `src`, `workers` and `dr`. The mirrors must have ended: what
 * they write meanwhile would be taken for wrong.
 *
 * One topic at a time is in memory, at about 60 bytes a record.
 */
import type {
  IndependentClient,
  KafkaRecord,
} from "../support/independent_client.ts";
import { Comparison } from "./compare.ts";
import { ConnectPositions } from "./connect_positions.ts";
import { groupCommitOf } from "./consumer_offsets.ts";
import { digestOf, Digests } from "./digest.ts";
import { checkGroup, GroupHistory } from "./groups.ts";
import { LaneMaps } from "./lane_maps.ts";
import {
  type Found,
  type MirrorReport,
  newFindings,
  noCounts,
} from "./report.ts";
import { checkPosition, checkTranslation } from "./translation.ts";

export interface MirroredTopic {
  readonly name: string;
  /** Default: as on the source, as the identity policy has it. */
  readonly targetName?: string;
  /** Whether the source compacts its log; the target's must not be compacted. */
  readonly isCompacted?: boolean;
}

export interface MirrorCheckParts {
  readonly source: IndependentClient;
  readonly target: IndependentClient;
  readonly topics: readonly MirroredTopic[];
  /** Whether the mirror has had its time to copy everything. */
  readonly isDrained: boolean;
  /** Whose positions are mirrored. Default none. */
  readonly groups?: readonly string[];
  /** Alias of the source. Default primary. */
  readonly alias?: string;
  /** What is being read now, for people. */
  readonly onProgress?: (text: string) => void;
}

const committed = { isolation: "read_committed" } as const;
/** A killed mirror's transactions end when Kafka gives them up. */
const settled = { ...committed, awaitTransactions: true } as const;

export const lanesTopic = (alias: string) =>
  `switchyard-lanes.${alias}.internal`;
export const positionsTopic = (alias: string) =>
  `mm2-offsets.${alias}.internal`;

/**
 * @throws {Error} when a cluster cannot be read, or a transaction stays open for
 * 60 s.
 */
export async function checkMirror(
  parts: MirrorCheckParts,
): Promise<MirrorReport> {
  return await new MirrorCheck(parts).run();
}

class MirrorCheck {
  readonly #parts: MirrorCheckParts;
  readonly #findings = newFindings();
  readonly #counts = noCounts();
  readonly #notes: string[] = [];
  readonly #found: Found = (kind, example) =>
    this.#findings.add(kind, () => example);
  readonly #maps: LaneMaps;
  readonly #positions: ConnectPositions;
  readonly #onSource = new GroupHistory();
  readonly #onTarget = new GroupHistory();
  /** That the target should have and has not. */
  #there = new Set<string>();

  constructor(parts: MirrorCheckParts) {
    this.#parts = parts;
    const { alias = "primary" } = parts;
    this.#maps = new LaneMaps(lanesTopic(alias), this.#found);
    this.#positions = new ConnectPositions(alias);
  }

  async run(): Promise<MirrorReport> {
    const { source, target, topics, alias = "primary" } = this.#parts;
    this.#there = new Set(await target.topics());
    await this.#follow(lanesTopic(alias), ({ partition, offset, value }) => {
      this.#maps.observe(partition, offset, value);
    });
    await this.#follow(positionsTopic(alias), ({ key, value }) => {
      this.#positions.observe(key, value);
    });
    await this.#readGroups(source, this.#onSource);
    await this.#readGroups(target, this.#onTarget);
    for (const topic of topics) await this.#topic(topic);
    return {
      counts: this.#counts,
      anomalies: this.#findings.list(),
      notes: this.#notes,
    };
  }

  async #follow(
    topic: string,
    take: (record: KafkaRecord) => void,
  ): Promise<void> {
    this.#parts.onProgress?.(topic);
    if (!this.#there.has(topic)) {
      this.#notes.push(`the target has no topic ${topic}`);
      return;
    }
    await this.#parts.target.visitTopic(
      topic,
      (records) => records.forEach(take),
      settled,
    );
  }

  async #readGroups(
    client: IndependentClient,
    history: GroupHistory,
  ): Promise<void> {
    const { groups = [] } = this.#parts;
    const topic = "__consumer_offsets";
    if (groups.length === 0) return;
    if (!(await client.topics()).includes(topic)) return;
    await client.visitTopic(topic, (records) => {
      for (const { key, value } of records) {
        const commit = groupCommitOf(key, value);
        if (commit !== undefined) history.observe(commit);
      }
    }, settled);
  }

  async #topic(topic: MirroredTopic): Promise<void> {
    const { source, target, isDrained, onProgress } = this.#parts;
    const { name, targetName = name, isCompacted = false } = topic;
    onProgress?.(`${name} on the source`);
    const digests: Digests[] = [];
    this.#counts.source += await source.visitTopic(name, (records) => {
      for (const record of records) {
        (digests[record.partition] ??= new Digests()).push(digestOf(record));
      }
    }, committed);
    const partitions = await source.partitionCount(name);
    const copied = this.#there.has(targetName)
      ? await target.partitionCount(targetName)
      : 0;
    const isShort = isDrained ? copied !== partitions : copied > partitions;
    if (isShort) {
      this.#found("partitions differ", {
        topic: targetName,
        partition: copied,
        offset: null,
        sentence: `${copied} partitions, and ${partitions} on the source`,
      });
    }
    const comparisons = Array.from(
      { length: Math.max(partitions, copied) },
      (_, partition) =>
        new Comparison(digests[partition] ??= new Digests(), {
          topic: targetName,
          partition,
          isCompacted,
          found: this.#found,
        }),
    );
    onProgress?.(`${targetName} on the target`);
    if (copied > 0) {
      this.#counts.target += await target.visitTopic(targetName, (records) => {
        for (const record of records) {
          comparisons[record.partition]!.observe(digestOf(record));
        }
      }, settled);
    }
    comparisons.forEach((comparison, partition) => {
      comparison.end(isDrained);
      this.#partition(topic, partition, digests[partition]!, comparison);
    });
  }

  #partition(
    { name, targetName = name, isCompacted = false }: MirroredTopic,
    partition: number,
    digests: Digests,
    comparison: Comparison,
  ): void {
    const counts = this.#counts;
    const found = this.#found;
    const map = this.#maps.of(name, partition);
    counts.partitions++;
    counts.paired += comparison.paired;
    counts.compacted += comparison.compacted;
    counts.runs += map?.runs.length ?? 0;
    if (comparison.wrong > 0) {
      this.#notes.push(
        `${targetName} [${partition}] is no prefix of the source: its offsets` +
          " were not judged",
      );
      return;
    }
    const pairs = comparison.pairs();
    const { targetEnd } = comparison;
    const about = { topic: name, partition, pairs, found };
    const translations = checkTranslation({
      ...about,
      map,
      targetEnd,
      isCompacted,
    });
    counts.translations += translations.verified;
    counts.trimmed += translations.trimmed;
    const position = { ...about, upstream: digests, mirrored: pairs.size };
    checkPosition({
      ...position,
      position: map?.position,
      kind: "wrong position",
    });
    checkPosition({
      ...position,
      position: this.#positions.of(name, partition),
      kind: "wrong MirrorMaker position",
    });
    if (isCompacted || pairs.size === 0) return;
    for (const group of this.#parts.groups ?? []) {
      counts.groupPositions += checkGroup({
        ...about,
        topic: targetName,
        group,
        onSource: this.#onSource.of(group, name, partition),
        onTarget: this.#onTarget.of(group, targetName, partition),
      });
    }
  }
}
