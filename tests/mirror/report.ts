/** What a check of a mirror found: plain data, and its words. */
import { type Finding, Findings } from "../checker/findings.ts";

/**
 * What can be wrong. Those of records are defined in `compare.ts`, those of
 * offsets in `translation.ts`, `lane_maps.ts`, `connect_positions.ts` and
 * `groups.ts`, a missing output in `cut_ledger.ts`.
 */
export const ANOMALIES = [
  "missing",
  "twice",
  "reordered",
  "changed",
  "unexpected",
  "partitions differ",
  "corrupt lane log",
  "partition in two lanes",
  "wrong translation",
  "wrong position",
  "wrong MirrorMaker position",
  "wrong group position",
  "missing output",
] as const;
export type AnomalyKind = typeof ANOMALIES[number];

/** One place where it can be looked at. */
export interface Example {
  readonly topic: string;
  readonly partition: number;
  /** Null for what is nowhere. */
  readonly offset: number | null;
  readonly sentence: string;
}

export type Anomaly = Finding<AnomalyKind, Example>;
export type MirrorFindings = Findings<AnomalyKind, Example>;
/** How the parts of a check say what they find. */
export type Found = (kind: AnomalyKind, example: Example) => void;

export const newFindings = (mostExamples = 5): MirrorFindings =>
  new Findings<AnomalyKind, Example>(ANOMALIES, mostExamples);

export interface Counts {
  /** Partitions of mirrored topics. */
  partitions: number;
  /** Committed records of the source, and of the target. */
  source: number;
  target: number;
  /** Equal records at the same place in the order. */
  paired: number;
  /** On the target alone, because the source has compacted them away since. */
  compacted: number;
  /** Of the offset maps. */
  runs: number;
  /** Offsets whose translation was verified, in both directions together. */
  translations: number;
  /** Offsets below what the maps still know. */
  trimmed: number;
  /** Positions of groups on the target that were verified. */
  groupPositions: number;
}

export interface MirrorReport {
  readonly counts: Readonly<Counts>;
  /** Each kind at most once, in the order of `ANOMALIES`; empty when all is well. */
  readonly anomalies: readonly Anomaly[];
  /** What a reader should know of how the check was made. */
  readonly notes: readonly string[];
}

export const noCounts = (): Counts => ({
  partitions: 0,
  source: 0,
  target: 0,
  paired: 0,
  compacted: 0,
  runs: 0,
  translations: 0,
  trimmed: 0,
  groupPositions: 0,
});

const WORDS: readonly (readonly [keyof Counts, string])[] = [
  ["partitions", "partitions"],
  ["source", "records on the source"],
  ["target", "records on the target"],
  ["paired", "pairs of equal records"],
  ["compacted", "on the target alone, compacted on the source since"],
  ["runs", "runs of the offset map"],
  ["translations", "translations verified, there and back"],
  ["trimmed", "offsets below what the map still knows"],
  ["groupPositions", "positions of groups verified"],
];

/** Some lines for people; the last one is the verdict. */
export function formatReport(report: MirrorReport): string {
  const { counts, anomalies, notes } = report;
  const width = Math.max(
    ...Object.values(counts).map((count) => figure(count).length),
  );
  return [
    ...WORDS.map(([name, words]) =>
      `${figure(counts[name]).padStart(width)} ${words}`
    ),
    ...anomalies.flatMap(anomalyText),
    ...(notes.length === 0
      ? []
      : ["", ...notes.map((each) => `note: ${each}`)]),
    "",
    verdictOf(anomalies),
  ].join("\n");
}

export function verdictOf(anomalies: readonly Anomaly[]): string {
  return anomalies.length === 0
    ? "no anomalies"
    : anomalies.map(({ kind, count }) => `${figure(count)} ${kind}`).join(", ");
}

/** Its examples, a line each. */
export function anomalyText({ kind, count, examples }: Anomaly): string[] {
  return [
    "",
    `${kind}: ${figure(count)}`,
    ...examples.map((each) => `  ${placeOf(each)}: ${each.sentence}`),
    ...(count > examples.length
      ? [`  and ${figure(count - examples.length)} more`]
      : []),
  ];
}

const placeOf = ({ topic, partition, offset }: Example) =>
  `${topic} [${partition}]${offset === null ? "" : ` @${offset}`}`;

const figure = (count: number) => count.toLocaleString("en-US");
