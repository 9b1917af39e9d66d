/** Names of traces and spans, and which traces are kept. */
import type { SpanContext } from "./spans.ts";

const HEX = Array.from(
  { length: 65536 },
  (_, bits) => bits.toString(16).padStart(4, "0"),
);
const WORD = 2 ** 32;

/**
 * By sfc32, seeded once: no two threads get the same sequence, and nobody need
 * be kept from guessing the next one.
 */
export class SpanIds {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed four words of 32 bits; default: by chance */
  constructor(seed: Uint32Array = crypto.getRandomValues(new Uint32Array(4))) {
    this.#a = seed[0]! | 0;
    this.#b = seed[1]! | 0;
    this.#c = seed[2]! ^ seed[3]!;
    for (let round = 0; round < 12; round++) this.#bits();
  }

  /** 16 digits, not all zero. */
  spanId(): string {
    // Never 0, which is no id.
    return hex(this.#bits() | 1) + hex(this.#bits());
  }

  /**
   * A new trace in this share of cases, else null. By the last 56 bits of its id,
   * as OpenTelemetry's consistent sampling does, so that whoever asks again of
   * the same trace with the same ratio hears the same.
   * @param ratio from 0 to 1
   */
  trace(ratio: number): SpanContext | null {
    const high = this.#bits();
    const low = this.#bits();
    if (!isKept(high & 0xffffff, low, ratio)) return null;
    const traceId = hex(this.#bits() | 1) + hex(this.#bits()) + hex(high) +
      hex(low);
    return { traceId, spanId: this.spanId() };
  }

  #bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** Whether a trace is kept by this ratio. @param traceId 32 digits */
export const isTraceKept = (traceId: string, ratio: number): boolean =>
  isKept(
    Number.parseInt(traceId.slice(18, 24), 16),
    Number.parseInt(traceId.slice(24), 16),
    ratio,
  );

/** @param high 24 bits @param low 32 bits behind them */
const isKept = (high: number, low: number, ratio: number): boolean =>
  (high + low / WORD) / 2 ** 24 >= 1 - ratio;

const hex = (bits: number): string => HEX[bits >>> 16]! + HEX[bits & 0xffff]!;
