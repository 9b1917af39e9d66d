/** Counts anomalies and keeps the first few of each kind. */
import {
  ANOMALIES,
  type Anomaly,
  type AnomalyKind,
  type Example,
} from "./report.ts";

export class Findings {
  readonly #mostExamples: number;
  readonly #counts = new Map<AnomalyKind, number>();
  readonly #examples = new Map<AnomalyKind, Example[]>();

  constructor(mostExamples: number) {
    this.#mostExamples = mostExamples;
  }

  /** `example` is called only if it will be shown. */
  add(kind: AnomalyKind, example: () => Example, count = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
    const kept = this.#examples.get(kind) ?? [];
    if (kept.length < this.#mostExamples) kept.push(example());
    this.#examples.set(kind, kept);
  }

  list(): Anomaly[] {
    return ANOMALIES.flatMap((kind) => {
      const count = this.#counts.get(kind) ?? 0;
      const examples = this.#examples.get(kind) ?? [];
      return count === 0 ? [] : [{ kind, count, examples }];
    });
  }
}
