/** What a check has been told so far; its parts share it. */
import type { Claim } from "./commit_metadata.ts";
import { Findings } from "./findings.ts";
import { Ledger } from "./ledger.ts";
import {
  type CheckOptions,
  type Committed,
  exampleOf,
  type LogBounds,
  type Shown,
} from "./observation.ts";
import { Order } from "./order.ts";
import { Places } from "./places.ts";
import { Readings } from "./readings.ts";
import {
  ANOMALIES,
  type AnomalyKind,
  type Example,
  noCounts,
} from "./report.ts";

export interface Bounds {
  low: number;
  high: number;
  /** Readings that begin later reach this offset. */
  readonly reached: number;
}

/** A delivery that may be a duplicate, until all copies of its input are known. */
export interface Repeat {
  readonly entry: number;
  readonly example: Example;
}

/** Of which the examples of duplicates are chosen. */
const MOST_REPEATS = 1000;

export class State {
  readonly options: Required<CheckOptions>;
  readonly places = new Places();
  readonly ledger = new Ledger();
  readonly findings: Findings<AnomalyKind, Example>;
  readonly order: Order;
  readonly counts = noCounts();
  readonly inputTps = new Set<number>();
  readonly repeats: Repeat[] = [];
  /** Examples of what has no input, by entry. */
  readonly orphans = new Map<number, Example>();
  /** The topic whose history is known. */
  historyOf: string | undefined;
  /** These by the number of the topic and partition. */
  readonly commits: (Committed & { readonly claims: Claim } | undefined)[] = [];
  readonly #readings: (Readings | undefined)[] = [];
  readonly #bounds: (Bounds | undefined)[] = [];

  constructor(options: CheckOptions) {
    this.options = {
      guarantee: "at-least-once",
      ordering: "partition",
      final: true,
      outputsOf: () => 1,
      examples: 5,
      ...options,
    };
    this.findings = new Findings(ANOMALIES, this.options.examples);
    this.order = new Order(this.options.ordering);
  }

  get hasHistory(): boolean {
    return this.historyOf !== undefined;
  }

  readings(tp: number): Readings {
    return this.#readings[tp] ??= new Readings();
  }

  bounds(tp: number): Bounds | undefined {
    return this.#bounds[tp];
  }

  learnBounds({ topic, partition, low, high }: LogBounds): void {
    const tp = this.places.tp(topic, partition);
    const known = this.#bounds[tp] ??= { low, high, reached: high };
    known.low = Math.max(known.low, low);
    known.high = Math.max(known.high, high);
  }

  find(kind: AnomalyKind, shown: Shown, sentence: string): void {
    this.findings.add(kind, () => exampleOf(shown, sentence));
  }

  rememberRepeat(entry: number, shown: Shown, sentence: string): void {
    if (this.repeats.length === MOST_REPEATS) return;
    this.repeats.push({ entry, example: exampleOf(shown, sentence) });
  }
}
