/**
 * A source cluster with an exactly-once pool, and a mirror of it, small enough
 * to be exhausted by chance: inputs, outputs, offsets and markers become visible
 * in any order that Kafka allows, and the mirror copies each partition's prefix
 * of what is committed at a pace of its own.
 *
 *     append inputs ─> a worker's transaction: outputs, offsets, end, markers
 *                      (of the outputs' partitions and of the offsets)
 *     mirror ─> target logs ─> the leader hears of it later
 */
import { Random } from "../../src/embedded/random.ts";
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { encodeMost, isWithin, join } from "../../src/pool/offset_ranges.ts";
import type { Settled } from "../../src/pool/offset_ranges.ts";
import type {
  Cut,
  OffsetTable,
  Positions,
  SampledGroup,
  SourceCluster,
} from "../../dr/cut/mod.ts";
import { offsetTable } from "../../dr/cut/types.ts";

interface Transaction {
  isOpen: boolean;
  isCommitted: boolean;
  readonly inputs: { readonly partition: number; readonly offset: number }[];
  readonly outputs: Output[];
  /** What is still to be done, in this order but for the markers. */
  readonly work: (() => void)[];
}

interface Output {
  readonly partition: number;
  readonly offset: number;
  readonly input: { readonly partition: number; readonly offset: number };
}

interface Entry {
  readonly kind: "record" | "marker";
  /** Null: written without one. */
  readonly transaction: Transaction | null;
}

interface Partition extends TopicPartition {
  readonly log: Entry[];
  /** Upstream offsets of what is on the target. */
  readonly copied: Set<number>;
  isDiscovered: boolean;
  /** Of the mirror, and as the leader knows it. */
  position: number;
  known: number | null;
}

const INPUTS = 2;
const WORKERS = 2;
const MOST_INPUTS = 40;
export const GROUP = "pool";

export class CutWorld implements SourceCluster, Positions {
  readonly #random: Random;
  readonly #inputs: Partition[] = [];
  readonly #outputs: Partition[] = [];
  readonly #transactions: Transaction[] = [];
  readonly #workers: (Transaction | null)[] = new Array(WORKERS).fill(null);
  /** By input partition: what is committed and stable, and what is pending. */
  readonly #stable: (Settled | null)[] = new Array(INPUTS).fill(null);
  readonly #pending: (Settled | null)[] = new Array(INPUTS).fill(null);
  /** By input partition: what the owner knows to be done. */
  readonly #done: Settled[] = new Array(INPUTS).fill({ next: 0, beyond: [] });

  constructor(seed: number) {
    this.#random = new Random(seed, 0);
    for (let at = 0; at < INPUTS; at++) this.#add("in", this.#inputs);
    this.#add("out", this.#outputs);
    for (const each of this.#all()) each.isDiscovered = true;
  }

  /** Something happens somewhere. */
  step(): void {
    const chance = this.#random.next();
    if (chance < 0.15) this.#appendInput();
    else if (chance < 0.6) this.#work(this.#random.below(WORKERS));
    else if (chance < 0.85) this.#mirror(this.#random.pick(this.#all()));
    else if (chance < 0.98) this.#hear(this.#random.pick(this.#all()));
    else if (this.#outputs.length < 4) this.#add("out", this.#outputs);
    else for (const each of this.#outputs) each.isDiscovered = true;
  }

  steps(most: number): void {
    for (let left = this.#random.below(most); left > 0; left--) this.step();
  }

  // What the leader asks of the source.

  partitions(): Promise<TopicPartition[]> {
    this.steps(8);
    return Promise.resolve(
      this.#all().map(({ topic, partition }) => ({ topic, partition })),
    );
  }

  stableOffsets(partitions: readonly TopicPartition[]): Promise<OffsetTable> {
    return this.#ask(partitions, (each) => lastStableOffset(each));
  }

  ends(partitions: readonly TopicPartition[]): Promise<OffsetTable> {
    return this.#ask(partitions, ({ log }) => log.length);
  }

  groups(): Promise<string[]> {
    return Promise.resolve([GROUP]);
  }

  committed(): Promise<SampledGroup> {
    return this.committedWhen(true);
  }

  /** @param requireStable whether pending offsets are waited for */
  committedWhen(requireStable: boolean): Promise<SampledGroup> {
    const offsets = this.#inputs.flatMap(({ topic, partition }) => {
      this.steps(6);
      while (requireStable && this.#pending[partition]) this.step();
      const settled = this.#stable[partition];
      if (!settled) return [];
      const metadata = encodeMost(settled.next, settled.beyond);
      return [{ topic, partition, offset: settled.next, metadata }];
    });
    return Promise.resolve({ offsets, isWhole: true });
  }

  // What it hears of the mirror.

  position(tp: TopicPartition): number | null {
    return this.#find(tp).known;
  }

  stopped(): string | null {
    return null;
  }

  // What must hold when a cut is released.

  /** Outputs of settled inputs that are missing on the target, as text. */
  missing(settledBy: (partition: number, offset: number) => boolean): string[] {
    const missing: string[] = [];
    for (const { isCommitted, inputs, outputs } of this.#transactions) {
      if (!isCommitted) continue;
      const isWanted = ({ partition, offset }: Output["input"]) =>
        settledBy(partition, offset);
      for (const input of inputs.filter(isWanted)) {
        if (this.#inputs[input.partition]!.copied.has(input.offset)) continue;
        missing.push(`in ${input.partition}@${input.offset}`);
      }
      for (const { input, offset, partition } of outputs) {
        if (!isWanted(input)) continue;
        if (this.#outputs[partition]!.copied.has(offset)) continue;
        missing.push(`out ${partition}@${offset}`);
      }
    }
    return missing;
  }

  /** Outputs of other inputs that a scan from S on would not find, as text. */
  overlooked(
    settledBy: (partition: number, offset: number) => boolean,
    { stable }: Cut,
  ): string[] {
    return this.#transactions
      .filter(({ isCommitted, isOpen }) => isCommitted || isOpen)
      .flatMap(({ outputs }) => outputs)
      .filter(({ input }) => !settledBy(input.partition, input.offset))
      .filter(({ offset, partition }) =>
        offset < (stable.get("out")?.[partition] ?? 0)
      )
      .map(({ offset, partition }) => `out ${partition}@${offset}`);
  }

  #all(): Partition[] {
    return [...this.#inputs, ...this.#outputs];
  }

  #find({ topic, partition }: TopicPartition): Partition {
    return (topic === "in" ? this.#inputs : this.#outputs)[partition]!;
  }

  #add(topic: string, to: Partition[]): void {
    to.push({
      topic,
      partition: to.length,
      log: [],
      copied: new Set(),
      isDiscovered: false,
      position: 0,
      known: null,
    });
  }

  #ask(
    partitions: readonly TopicPartition[],
    answer: (partition: Partition) => number,
  ): Promise<OffsetTable> {
    return Promise.resolve(offsetTable(partitions.map((tp) => {
      this.steps(6);
      return { ...tp, offset: answer(this.#find(tp)) };
    })));
  }

  #appendInput(): void {
    const count = this.#inputs.reduce((sum, { log }) => sum + log.length, 0);
    if (count >= MOST_INPUTS) return;
    const { log } = this.#random.pick(this.#inputs);
    log.push({ kind: "record", transaction: null });
  }

  #work(worker: number): void {
    const transaction = this.#workers[worker]!;
    if (transaction === null) {
      this.#workers[worker] = this.#begin(worker);
      return;
    }
    const { isOpen, work } = transaction;
    // Markers arrive in any order; what comes before the end does not.
    const at = isOpen ? 0 : this.#random.below(work.length);
    work.splice(at, 1)[0]!();
    if (work.length === 0) this.#workers[worker] = null;
  }

  /** Takes some inputs of the worker's partitions, not always the first. */
  #begin(worker: number): Transaction | null {
    const inputs: Output["input"][] = [];
    for (const { partition, log } of this.#inputs) {
      if (partition % WORKERS !== worker) continue;
      const { next, beyond } = this.#done[partition]!;
      for (
        let offset = next;
        offset < Math.min(log.length, next + 5);
        offset++
      ) {
        if (isWithin(beyond, offset) || this.#random.chance(0.4)) continue;
        inputs.push({ partition, offset });
      }
    }
    if (inputs.length === 0) return null;
    const transaction: Transaction = {
      isOpen: true,
      isCommitted: false,
      inputs,
      outputs: [],
      work: [],
    };
    this.#transactions.push(transaction);
    const { work } = transaction;
    for (const input of inputs) {
      for (let count = this.#random.below(3); count > 0; count--) {
        work.push(() => this.#produce(transaction, input));
      }
    }
    const done = new Map<number, Settled>();
    for (const { partition, offset } of inputs) {
      const before = done.get(partition) ?? this.#done[partition]!;
      const beyond = [offset, offset + 1];
      done.set(partition, join(before, { next: 0, beyond }));
    }
    for (const [partition, settled] of done) {
      work.push(() => this.#pending[partition] = settled);
    }
    work.push(() => this.#end(transaction, done));
    return transaction;
  }

  #produce(transaction: Transaction, input: Output["input"]): void {
    const { log, partition } = this.#random.pick(this.#outputs);
    transaction.outputs.push({ partition, offset: log.length, input });
    log.push({ kind: "record", transaction });
  }

  #end(transaction: Transaction, done: ReadonlyMap<number, Settled>): void {
    transaction.isOpen = false;
    transaction.isCommitted = this.#random.chance(0.8);
    const { isCommitted, outputs, work } = transaction;
    for (const partition of new Set(outputs.map((each) => each.partition))) {
      const { log } = this.#outputs[partition]!;
      work.push(() => log.push({ kind: "marker", transaction }));
    }
    // The marker of the offsets; one partition holds those of a group.
    work.push(() => {
      for (const [partition, settled] of done) {
        this.#pending[partition] = null;
        if (isCommitted) this.#stable[partition] = settled;
      }
    });
    if (!isCommitted) return;
    for (const [partition, settled] of done) this.#done[partition] = settled;
  }

  #mirror(partition: Partition): void {
    const { copied, isDiscovered, log } = partition;
    if (!isDiscovered) return;
    const end = lastStableOffset(partition);
    for (let count = this.#random.below(6); count > 0; count--) {
      if (partition.position >= end) return;
      const offset = partition.position++;
      const { kind, transaction } = log[offset]!;
      const isCommitted = transaction === null || transaction.isCommitted;
      if (kind === "record" && isCommitted) copied.add(offset);
    }
  }

  #hear(partition: Partition): void {
    if (partition.position > 0) partition.known = partition.position;
  }
}

/** Of the first record whose transaction's marker is not in this log. */
function lastStableOffset({ log }: Partition): number {
  const ended = new Set(
    log.filter(({ kind }) => kind === "marker")
      .map(({ transaction }) => transaction),
  );
  const first = log.findIndex(({ kind, transaction }) =>
    kind === "record" && transaction !== null && !ended.has(transaction)
  );
  return first < 0 ? log.length : first;
}
