/** What is known of each input, in columns: about 45 bytes an input. */
import { grown, NumberTable } from "./number_table.ts";
import type { Id } from "./report.ts";

/** Facts about an input. */
export const SENT = 1;
/** The history sends it more than once. */
export const SENT_AGAIN = 1 << 1;
export const ACKED = 1 << 2;
export const FAILED = 1 << 3;
/** The acknowledged place holds it. */
export const ACK_SEEN = 1 << 4;
/** It is in a retry topic, */
export const DELAYED = 1 << 5;
/** and in one place at least it will still be read from there. */
export const WAITING = 1 << 6;
export const DELIVERED = 1 << 7;
export const DEAD = 1 << 8;
/** A transaction that was aborted wrote it to the input topic. */
export const ABORTED = 1 << 9;

const LARGEST_COUNT = { 8: 2 ** 8 - 1, 16: 2 ** 16 - 1 } as const;

export class Ledger {
  readonly #ids = new NumberTable();
  /** Ids that are no numbers get negative ones. */
  readonly #texts: string[] = [];
  readonly #textNumbers = new Map<string, number>();

  #facts = new Uint16Array(256);
  /** By input: a bit for each of its outputs that was delivered. */
  #delivered = new Uint32Array(256);
  #repeats = new Uint16Array(256);
  #copies = new Uint8Array(256);
  #inputPlace = new Float64Array(256);
  #ackPlace = new Float64Array(256);
  #firstDelivery = new Float64Array(256);

  get size(): number {
    return this.#ids.size;
  }

  /** The index of an id, a new one if it has none. */
  entry(id: Id): number {
    const entry = this.#ids.indexOf(
      typeof id === "number" ? id : this.#numberOf(id),
    );
    if (entry === this.#facts.length) this.#grow(2 * entry);
    return entry;
  }

  id(entry: number): Id {
    const number = this.#ids.at(entry);
    return number < 0 ? this.#texts[-number - 1]! : number;
  }

  has(entry: number, facts: number): boolean {
    return (this.#facts[entry]! & facts) !== 0;
  }

  learn(entry: number, facts: number): void {
    this.#facts[entry]! |= facts;
  }

  unlearn(entry: number, facts: number): void {
    this.#facts[entry]! &= ~facts;
  }

  /** Bits of the outputs that were delivered. */
  delivered(entry: number): number {
    return this.#delivered[entry]!;
  }

  deliver(entry: number, outputs: number): void {
    this.#delivered[entry] = (this.#delivered[entry]! | outputs) >>> 0;
  }

  /** Deliveries of what was delivered before; 65,535 and more are the same. */
  repeats(entry: number): number {
    return this.#repeats[entry]!;
  }

  repeat(entry: number): void {
    if (this.#repeats[entry]! < LARGEST_COUNT[16]) this.#repeats[entry]!++;
  }

  /** How often it is in the input topic; 255 and more are the same. */
  copies(entry: number): number {
    return this.#copies[entry]!;
  }

  copy(entry: number): void {
    if (this.#copies[entry]! < LARGEST_COUNT[8]) this.#copies[entry]!++;
  }

  /** Of its first copy; NOWHERE when it has none. */
  inputPlace(entry: number): number {
    return this.#inputPlace[entry]!;
  }

  setInputPlace(entry: number, place: number): void {
    this.#inputPlace[entry] = place;
  }

  /** What the newest acknowledgement says. */
  ackPlace(entry: number): number {
    return this.#ackPlace[entry]!;
  }

  setAckPlace(entry: number, place: number): void {
    this.#ackPlace[entry] = place;
  }

  /** Of its output 0, or its dead letter. */
  firstDelivery(entry: number): number {
    return this.#firstDelivery[entry]!;
  }

  setFirstDelivery(entry: number, place: number): void {
    this.#firstDelivery[entry] = place;
  }

  #numberOf(id: string): number {
    let number = this.#textNumbers.get(id);
    if (number === undefined) {
      number = -this.#texts.push(id);
      this.#textNumbers.set(id, number);
    }
    return number;
  }

  #grow(length: number): void {
    this.#facts = grown(this.#facts, length);
    this.#delivered = grown(this.#delivered, length);
    this.#repeats = grown(this.#repeats, length);
    this.#copies = grown(this.#copies, length);
    this.#inputPlace = grown(this.#inputPlace, length);
    this.#ackPlace = grown(this.#ackPlace, length);
    this.#firstDelivery = grown(this.#firstDelivery, length);
  }
}
