/**
 * Records that wait to be handed to librdkafka, in the order in which they were
 * added. They wait in native memory: as JavaScript values, what is made while a
 * transaction is committed would outlive the young generation, and copying it
 * cost exactly-once 7 % of its processor time.
 */
import type { Header, OutputRecord } from "./message.ts";
import type { Pack } from "./pack.ts";

export interface PackMakers {
  /** Takes records of one topic, and only those with key and value alone. */
  readonly plain: () => Pack;
  /** Takes every record. */
  readonly any: () => Pack;
}

type PackKind = keyof PackMakers;

interface Filled {
  readonly kind: PackKind;
  readonly pack: Pack;
}

/** With fewer records, another plain pack is not worth its memory. */
const PLAIN_RECORDS = 1024;
/** Of each kind; what is beyond is freed, for it comes from a burst. */
const MOST_SPARE = 8;

export class PackQueue implements Disposable {
  readonly #makers: PackMakers;
  /** Oldest first; the last one is being filled. */
  readonly #filled: Filled[] = [];
  readonly #spare: Record<PackKind, Pack[]> = { plain: [], any: [] };
  #units = 0;

  constructor(makers: PackMakers) {
    this.#makers = makers;
  }

  /** Their keys, values and last headers, in bytes or UTF-16 units. */
  get units(): number {
    return this.#units;
  }

  /** @param last a header behind those of the record */
  add(
    owner: number,
    index: number,
    record: OutputRecord,
    last: Header | null = null,
  ): void {
    this.#units += (record.key?.length ?? 0) + (record.value?.length ?? 0) +
      (last?.value?.length ?? 0);
    // With a partition of a topic that it does not know yet, librdkafka 2.15's
    // rd_kafka_produce_batch registers partition -1 with the transaction, which
    // then never ends.
    const isPlain = last === null && record.headers === undefined &&
      record.timestampMs === undefined && record.partition === undefined;
    const newest = this.#filled.at(-1);
    if (newest !== undefined && (isPlain || newest.kind === "any")) {
      if (newest.pack.add(owner, index, record, last)) return;
    }
    const kind = isPlain && isPlainAfter(newest) ? "plain" : "any";
    const pack = this.#spare[kind].pop() ?? this.#makers[kind]();
    this.#filled.push({ kind, pack });
    pack.add(owner, index, record, last);
  }

  /** Passes on what waits; what is added meanwhile follows. */
  drain(produce: (pack: Pack) => void): void {
    let next: Filled | undefined;
    while ((next = this.#filled.shift()) !== undefined) {
      if (this.#filled.length === 0) this.#units = 0;
      const { kind, pack } = next;
      try {
        produce(pack);
      } finally {
        const isSpare = pack.count === 0 &&
          this.#spare[kind].length < MOST_SPARE;
        if (isSpare) this.#spare[kind].push(pack);
        else pack[Symbol.dispose]();
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { pack } of this.#filled) pack[Symbol.dispose]();
    for (const pack of Object.values(this.#spare).flat()) {
      pack[Symbol.dispose]();
    }
  }
}

/** Records of many topics in turn would make a plain pack of each. */
const isPlainAfter = (newest: Filled | undefined) =>
  newest === undefined || newest.kind === "any" ||
  newest.pack.count >= PLAIN_RECORDS;
