/** What a check found: plain data, and its words. */
import type { Finding } from "./findings.ts";

/**
 * What can be wrong. Each is defined where it is found: in `check.ts`, but for
 * the order, in `order.ts`, and offsets, in `readings.ts`.
 */
export const ANOMALIES = [
  "lost",
  "acknowledged input missing",
  "duplicate",
  "aborted read",
  "reordered by key",
  "reordered in partition",
  "inconsistent offset",
  "committed beyond processed",
  "committed beyond end",
  "unexpected",
  "corrupt",
] as const;
export type AnomalyKind = typeof ANOMALIES[number];

/** Numbers are themselves; whatever else identifies a record is its text. */
export type Id = number | string;

/** One place where it can be looked at. */
export interface Example {
  readonly topic: string;
  readonly partition: number;
  /** Null for what is nowhere. */
  readonly offset: number | null;
  /** Null where the record says none, or it is about none. */
  readonly id: Id | null;
  /** Null where there is none, or it is not known any more. */
  readonly key: string | null;
  readonly sentence: string;
}

export type Anomaly = Finding<AnomalyKind, Example>;

export interface Counts {
  /** Records of the input topic that read_committed readers see. */
  inputs: number;
  /** Of the history: sends by what is known of their end. */
  acknowledged: number;
  failed: number;
  unknown: number;
  outputs: number;
  deadLetters: number;
  /** Records of retry topics. */
  delayed: number;
  /** Deliveries beyond those that the inputs demand. */
  repeated: number;
  /** Inputs that are not done, which only a check in mid-flight allows. */
  pending: number;
  /** Inputs and outputs of aborted transactions, as far as they were read. */
  aborted: number;
  /** Acknowledged inputs that the topic has deleted since: not judged. */
  trimmed: number;
  /** Outputs whose inputs the topic may have deleted: not judged. */
  untraceable: number;
}

export interface Report {
  readonly counts: Readonly<Counts>;
  /** Each kind at most once, in the order of `ANOMALIES`; empty when all is well. */
  readonly anomalies: readonly Anomaly[];
  /** What a reader should know of how the check was made. */
  readonly notes: readonly string[];
}

export const noCounts = (): Counts => ({
  inputs: 0,
  acknowledged: 0,
  failed: 0,
  unknown: 0,
  outputs: 0,
  deadLetters: 0,
  delayed: 0,
  repeated: 0,
  pending: 0,
  aborted: 0,
  trimmed: 0,
  untraceable: 0,
});

const WORDS: readonly (readonly [keyof Counts, string])[] = [
  ["inputs", "inputs"],
  ["acknowledged", "sends acknowledged"],
  ["failed", "sends failed"],
  ["unknown", "sends of unknown end"],
  ["outputs", "outputs"],
  ["deadLetters", "dead letters"],
  ["delayed", "records in retry topics"],
  ["repeated", "repeated deliveries"],
  ["pending", "inputs not done yet"],
  ["aborted", "records of aborted transactions"],
  ["trimmed", "inputs deleted from the topic, not judged"],
  ["untraceable", "outputs of perhaps deleted inputs, not judged"],
];

/** Some lines for people; the last one is the verdict. */
export function formatReport({ counts, anomalies, notes }: Report): string {
  const width = Math.max(...Object.values(counts).map(figure).map(lengthOf));
  const lines = WORDS
    .filter(([name]) => counts[name] > 0 || name === "inputs")
    .map(([name, words]) => `${figure(counts[name]).padStart(width)} ${words}`);
  for (const { kind, count, examples } of anomalies) {
    lines.push("", `${kind}: ${figure(count)}`);
    for (const example of examples) {
      lines.push(`  ${placeOf(example)}: ${example.sentence}`);
    }
    if (count > examples.length) {
      lines.push(`  and ${figure(count - examples.length)} more`);
    }
  }
  if (notes.length > 0) lines.push("", ...notes.map((note) => `note: ${note}`));
  const verdict = anomalies.length === 0
    ? "no anomalies"
    : anomalies.map(({ kind, count }) => `${figure(count)} ${kind}`).join(", ");
  return [...lines, "", verdict].join("\n");
}

function placeOf({ topic, partition, offset, id, key }: Example): string {
  return [
    `${topic} [${partition}]${offset === null ? "" : ` @${offset}`}`,
    ...(id === null ? [] : [`id ${id}`]),
    ...(key === null ? [] : [`key ${key}`]),
  ].join(", ");
}

const figure = (count: number) => count.toLocaleString("en-US");
const lengthOf = (text: string) => text.length;
