/** Small mirrored partitions, for tests of the mirror's checker. */
import { Comparison } from "../mirror/compare.ts";
import { digestOf, Digests } from "../mirror/digest.ts";
import type { OffsetRun } from "../mirror/lane_record.ts";
import { encodeLaneRecord } from "./support_lane_encoder.ts";
import { type Anomaly, newFindings } from "../mirror/report.ts";
import type { KafkaRecord } from "../support/independent_client.ts";

const encoder = new TextEncoder();
export const bytesOf = (text: string) => encoder.encode(text);

/** Every record differs from every other in each part. */
export function recordAt(number: number, offset = number): KafkaRecord {
  return {
    partition: 0,
    offset,
    timestampMs: 1_700_000_000_000 + number,
    key: bytesOf(`key-${number}`),
    value: bytesOf(`value-${number}`),
    headers: [
      { name: "a", value: bytesOf(`header-${number}`) },
      { name: "a", value: null },
      { name: "b", value: new Uint8Array() },
    ],
  };
}

export interface Compared {
  readonly comparison: Comparison;
  readonly anomalies: readonly Anomaly[];
}

/** Offsets on the target are as they stand in the records. */
export function compared(
  source: readonly KafkaRecord[],
  target: readonly KafkaRecord[],
  { isDrained = true, isCompacted = false } = {},
): Compared {
  const findings = newFindings();
  const digests = new Digests();
  for (const record of source) digests.push(digestOf(record));
  const comparison = new Comparison(digests, {
    topic: "t",
    partition: 0,
    isCompacted,
    found: (kind, example) => findings.add(kind, () => example),
  });
  for (const record of target) comparison.observe(digestOf(record));
  comparison.end(isDrained);
  return { comparison, anomalies: findings.list() };
}

/** With each found, `kind count`. */
export const kindsOf = (anomalies: readonly Anomaly[]) =>
  anomalies.map(({ kind, count }) => `${kind} ${count}`);

/** At these offsets, one after the other. */
export function placed(
  numbers: readonly number[],
  offsets: readonly number[] = numbers.map((_, at) => at),
): KafkaRecord[] {
  return numbers.map((number, at) => recordAt(number, offsets[at]!));
}

/** As few as describe these pairs. */
export function runsOf(
  upstream: readonly number[],
  downstream: readonly number[],
): OffsetRun[] {
  const runs: { upstream: number; downstream: number; length: number }[] = [];
  upstream.forEach((up, at) => {
    const down = downstream[at]!;
    const last = runs.at(-1);
    if (
      last !== undefined && last.upstream + last.length === up &&
      last.downstream + last.length === down
    ) last.length++;
    else runs.push({ upstream: up, downstream: down, length: 1 });
  });
  return runs;
}

/** A lane's record about one partition. */
export function laneRecord(options: {
  readonly kind?: "delta" | "snapshot";
  readonly era?: number;
  readonly part?: number;
  readonly parts?: number;
  readonly topic?: string;
  readonly partition?: number;
  readonly position: number;
  readonly leaderEpoch?: number | null;
  readonly runs: readonly OffsetRun[];
}): Uint8Array {
  const {
    kind = "delta",
    era = 0,
    part = 0,
    parts = 1,
    topic = "t",
    partition = 0,
    position,
    leaderEpoch = null,
    runs,
  } = options;
  const topicId = "07".repeat(16);
  return encodeLaneRecord({
    kind,
    era,
    part,
    parts,
    partitions: [{ topic, topicId, partition, position, leaderEpoch, runs }],
  });
}
