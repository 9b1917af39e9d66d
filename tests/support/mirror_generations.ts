/**
 * Judges partitions whose source has forgotten what is mirrored of it: a topic that
 * was deleted, or lost its first records. What was sent is known from the sending.
 */
import assert from "node:assert/strict";
import { lanesTopic } from "../mirror/checker.ts";
import { Comparison } from "../mirror/compare.ts";
import { digestOf, Digests } from "../mirror/digest.ts";
import { LaneMaps } from "../mirror/lane_maps.ts";
import {
  type AnomalyKind,
  type Example,
  newFindings,
} from "../mirror/report.ts";
import { checkPosition, checkTranslation } from "../mirror/translation.ts";
import type { KafkaRecord, NewRecord } from "./independent_client.ts";
import type { MirrorPair } from "./mirror_pair.ts";

const committed = { isolation: "read_committed" } as const;
const encoder = new TextEncoder();
const headerName = "generation";

/** Of one life of a topic: its records as they are on the source. */
export class Generation {
  readonly number: number;
  readonly #byPartition = new Map<number, KafkaRecord[]>();
  readonly #startMs = Date.now();
  #count = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** The next so many records of each partition; they are to be sent in order. */
  next(partitions: number, count: number): NewRecord[] {
    const all: NewRecord[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const known = this.of(partition);
      for (let at = 0; at < count; at++) {
        const record = {
          partition,
          key: `key-${at % 5}`,
          value: `${this.number}-${this.#count++}`,
          headers: [{ name: headerName, value: String(this.number) }],
          // Retention goes by these.
          timestampMs: this.#startMs + this.#count,
        };
        known.push(asRead(record, known.length));
        all.push(record);
      }
    }
    return all;
  }

  of(partition: number): KafkaRecord[] {
    const known = this.#byPartition.get(partition) ?? [];
    this.#byPartition.set(partition, known);
    return known;
  }
}

export interface GenerationCheck {
  readonly pair: MirrorPair;
  readonly topic: string;
  readonly partition: number;
  /** Of each life of the topic what the target should have, in their order. */
  readonly generations: readonly {
    readonly number: number;
    readonly records: readonly KafkaRecord[];
    /** Whether the target has all of them, or the first of them. */
    readonly isWhole: boolean;
  }[];
}

/**
 * Asserts that the target has of each life of the topic a prefix, one after the
 * other and nothing else, and that the lane's log is exact about the last one that
 * it has anything of. No mirror may run.
 * @returns how many records of each life there are.
 */
export async function judgeGenerations(
  { pair, topic, partition, generations }: GenerationCheck,
): Promise<number[]> {
  const findings = newFindings();
  const found = (kind: AnomalyKind, example: Example) =>
    findings.add(kind, () => example);
  const sources = generations.map(({ records }) => digestsOf(records));
  const comparisons = sources.map((source) =>
    new Comparison(source, { topic, partition, found })
  );
  const copied = (await pair.target.client.readTopic(topic, committed))
    .filter((each) => each.partition === partition);
  const numbers = copied.map(generationOf);
  assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  for (const [at, record] of copied.entries()) {
    const place = generations.findIndex(({ number }) => number === numbers[at]);
    comparisons[place]!.observe(digestOf(record));
  }
  comparisons.forEach((each, at) => each.end(generations[at]!.isWhole));
  const last = comparisons.findLastIndex(({ paired }) => paired > 0);
  if (last >= 0) {
    const map = await laneMapOf(pair, topic, partition, found);
    const pairs = comparisons[last]!.pairs();
    const targetEnd = (copied.at(-1)?.offset ?? -1) + 1;
    checkTranslation({ topic, partition, pairs, map, targetEnd, found });
    checkPosition({
      topic,
      partition,
      upstream: sources[last]!,
      mirrored: pairs.size,
      position: map?.position,
      kind: "wrong position",
      found,
    });
  }
  assert.deepEqual(findings.list(), []);
  return comparisons.map(({ paired }) => paired);
}

/** What the lanes' logs say of a source partition now. */
export async function laneMapOf(
  pair: MirrorPair,
  topic: string,
  partition: number,
  found: (kind: AnomalyKind, example: Example) => void = () => {},
) {
  const name = lanesTopic("primary");
  const maps = new LaneMaps(name, found);
  for (const record of await pair.target.client.readTopic(name, committed)) {
    maps.observe(record.partition, record.offset, record.value);
  }
  return maps.of(topic, partition);
}

function digestsOf(records: readonly KafkaRecord[]): Digests {
  const digests = new Digests();
  for (const record of records) digests.push(digestOf(record));
  return digests;
}

function asRead(
  { partition, key, value, headers, timestampMs }: {
    readonly partition: number;
    readonly key: string;
    readonly value: string;
    readonly headers: readonly { name: string; value: string }[];
    readonly timestampMs: number;
  },
  offset: number,
): KafkaRecord {
  return {
    partition,
    offset,
    timestampMs,
    key: encoder.encode(key),
    value: encoder.encode(value),
    headers: headers.map((each) => ({
      name: each.name,
      value: encoder.encode(each.value),
    })),
  };
}

function generationOf({ headers }: KafkaRecord): number {
  const { value } = headers.find(({ name }) => name === headerName)!;
  return Number(new TextDecoder().decode(value!));
}
