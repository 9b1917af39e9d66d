/**
 * I1: a mirrored partition is a prefix, in order, of the source's committed
 * records. All of the source is known first, then the target's records come one
 * by one, each expected to equal the next one of the source.
 *
 * **Missing**: a later record of the source is there, or the mirror is drained,
 * and this one is not. **Twice**: equals one that was there already.
 * **Reordered**: comes after one that is later on the source. **Changed**: stands
 * where the next one should, and differs from it in some parts but not in most.
 * **Unexpected**: nothing on the source is like it.
 *
 * A source that compacts its log forgets what the mirror has copied: a record on
 * the target alone is then as it should be if a later record has its key.
 * Tombstones must outlive the run on the source: a mirror that comes too late for
 * one rightly never has it.
 */
import { type Digest, Digests, identityOf, parts } from "./digest.ts";
import type { Found } from "./report.ts";

export interface CompareOptions {
  readonly topic: string;
  readonly partition: number;
  /** Whether the source's log is compacted; the target's must not be. */
  readonly isCompacted?: boolean;
  readonly found: Found;
}

/** Equal records, in the order of both. */
export interface Pairs {
  readonly size: number;
  /** Ascending; only the first `size` count. */
  readonly upstream: Float64Array;
  /** Ascending as long as nothing is wrong. */
  readonly downstream: Float64Array;
}

interface Extra {
  readonly offset: number;
  readonly key: number;
}

/** Of the places of source records; 0: nothing is known yet. */
const SKIPPED = 1;
const PAIRED = 2;
/** Parts of four that a changed record still has in common. */
const leastCommon = 2;

export class Comparison {
  readonly #options: CompareOptions;
  readonly #source: Digests;
  readonly #states: Uint8Array;
  readonly #downstream: Float64Array;
  /** Of the source: which the next record should equal. */
  #next = 0;
  #paired = 0;
  #seen = 0;
  #lastOffset = -1;
  #wrong = 0;
  /** By identity: places on the source, made when it is needed. */
  #index: Map<number, number[]> | undefined;
  /** On the target alone, by key, while no later record has that key. */
  readonly #extras = new Map<number, Extra[]>();
  #compacted = 0;

  constructor(source: Digests, options: CompareOptions) {
    this.#source = source;
    this.#options = options;
    this.#states = new Uint8Array(source.size);
    this.#downstream = new Float64Array(source.size);
  }

  /** Records of the target so far. */
  get seen(): number {
    return this.#seen;
  }

  get paired(): number {
    return this.#paired;
  }

  /** On the target alone, as compaction explains. */
  get compacted(): number {
    return this.#compacted;
  }

  /** How many records are not as they should be. */
  get wrong(): number {
    return this.#wrong;
  }

  /** Of the target, behind its last record. */
  get targetEnd(): number {
    return this.#lastOffset + 1;
  }

  /** The target's next record, in the order of offsets. */
  observe(digest: Digest): void {
    this.#seen++;
    this.#lastOffset = digest.offset;
    if (this.#options.isCompacted) this.#explainExtras(digest.key);
    if (this.#source.equals(this.#next, digest)) {
      return this.#pair(this.#next, digest);
    }
    const at = this.#find(digest);
    if (at === undefined) return this.#unknown(digest);
    switch (this.#states[at]) {
      case PAIRED:
        return this.#tell(
          "twice",
          digest.offset,
          `is there already; ${this.#was(at)}`,
        );
      case SKIPPED:
        this.#tell(
          "reordered",
          digest.offset,
          `comes after later ones; ${this.#was(at)}`,
        );
        return this.#pair(at, digest);
      default:
        this.#states.fill(SKIPPED, this.#next, at);
        return this.#pair(at, digest);
    }
  }

  /** @param isDrained whether the mirror has had its time to copy everything. */
  end(isDrained: boolean): void {
    const end = isDrained ? this.#source.size : this.#next;
    for (let at = 0; at < end; at++) {
      if (this.#states[at] === PAIRED) continue;
      this.#tell(
        "missing",
        this.#source.offset(at),
        at < this.#next
          ? "this offset of the source is not on the target, later ones are"
          : "this offset of the source is not on the target",
      );
    }
    for (const { offset } of [...this.#extras.values()].flat()) {
      this.#tell("unexpected", offset, "is not on the source, nor was it");
    }
  }

  pairs(): Pairs {
    const upstream = new Float64Array(this.#paired);
    const downstream = new Float64Array(this.#paired);
    let size = 0;
    for (let at = 0; at < this.#next; at++) {
      if (this.#states[at] !== PAIRED) continue;
      upstream[size] = this.#source.offset(at);
      downstream[size++] = this.#downstream[at]!;
    }
    return { size, upstream, downstream };
  }

  #pair(at: number, { offset }: Digest): void {
    this.#states[at] = PAIRED;
    this.#downstream[at] = offset;
    this.#paired++;
    this.#next = Math.max(this.#next, at + 1);
  }

  #unknown(digest: Digest): void {
    if (this.#options.isCompacted) return this.#extra(digest);
    if (this.#next < this.#source.size) {
      const expected = this.#source.at(this.#next);
      const changed = parts.filter((part) => expected[part] !== digest[part]);
      if (parts.length - changed.length >= leastCommon) {
        this.#tell(
          "changed",
          digest.offset,
          `differs in ${changed.join(" and ")} from ${expected.offset}` +
            " of the source",
        );
        // It is there, though not as it was: its place is known.
        this.#pair(this.#next, digest);
        return;
      }
    }
    this.#tell("unexpected", digest.offset, "nothing on the source equals it");
  }

  #extra({ offset, key }: Digest): void {
    const extras = this.#extras.get(key) ?? [];
    extras.push({ offset, key });
    this.#extras.set(key, extras);
  }

  #explainExtras(key: number): void {
    this.#compacted += this.#extras.get(key)?.length ?? 0;
    this.#extras.delete(key);
  }

  /** The place on the source: not paired rather than paired, near to the next. */
  #find(digest: Digest): number | undefined {
    const places = this.#indexed().get(identityOf(digest)) ?? [];
    const equal = places.filter((at) => this.#source.equals(at, digest));
    return equal.find((at) => at >= this.#next) ??
      equal.find((at) => this.#states[at] === SKIPPED) ??
      equal.at(-1);
  }

  #indexed(): Map<number, number[]> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<number, number[]>();
    for (let at = 0; at < this.#source.size; at++) {
      const identity = identityOf(this.#source.at(at));
      const places = index.get(identity);
      if (places === undefined) index.set(identity, [at]);
      else places.push(at);
    }
    return this.#index = index;
  }

  #was(at: number): string {
    return `offset ${this.#source.offset(at)} of the source`;
  }

  #tell(
    kind: "missing" | "twice" | "reordered" | "changed" | "unexpected",
    offset: number,
    sentence: string,
  ): void {
    this.#wrong++;
    const { topic, partition, found } = this.#options;
    found(kind, { topic, partition, offset, sentence });
  }
}
