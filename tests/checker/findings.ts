/** Counts anomalies and keeps the first few of each kind. */

/** All of one kind that were found. */
export interface Finding<Kind, Example> {
  readonly kind: Kind;
  readonly count: number;
  /** The first few. */
  readonly examples: readonly Example[];
}

export class Findings<Kind, Example> {
  readonly #kinds: readonly Kind[];
  readonly #mostExamples: number;
  readonly #counts = new Map<Kind, number>();
  readonly #examples = new Map<Kind, Example[]>();

  /** @param kinds in the order in which they are listed. */
  constructor(kinds: readonly Kind[], mostExamples: number) {
    this.#kinds = kinds;
    this.#mostExamples = mostExamples;
  }

  /** `example` is called only if it will be shown. */
  add(kind: Kind, example: () => Example, count = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
    const kept = this.#examples.get(kind) ?? [];
    if (kept.length < this.#mostExamples) kept.push(example());
    this.#examples.set(kind, kept);
  }

  /** Each kind at most once. */
  list(): Finding<Kind, Example>[] {
    return this.#kinds.flatMap((kind) => {
      const count = this.#counts.get(kind) ?? 0;
      const examples = this.#examples.get(kind) ?? [];
      return count === 0 ? [] : [{ kind, count, examples }];
    });
  }
}
