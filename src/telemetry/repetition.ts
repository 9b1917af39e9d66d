/**
 * Folds lines that say the same again and again. Pure: the clock is passed in.
 *
 *     the first lines of a window   pass
 *     the others of that window     are counted, the last one is kept
 *     its end                       the kept line, with `repeated`: how many
 *
 * Nothing is lost: what is written and what `repeated` counts are all lines.
 * The first line of its kind passes in any case.
 */
import { createHash } from "node:crypto";
import type { LogLine } from "./log.ts";

export interface RepetitionLimits {
  /** Of a kind, which pass in each window. */
  readonly lines: number;
  readonly windowMs: number;
  /** Most kinds that are watched; beyond it the oldest window ends early. */
  readonly kinds: number;
}

interface Window {
  readonly endsMs: number;
  passed: number;
  /** Null: nothing was held back. */
  held: LogLine | null;
  repeated: number;
}

export class Repetition {
  readonly #limits: RepetitionLimits;
  /** As they end: all are equally long, and the clock never goes back. */
  readonly #windows = new Map<string, Window>();
  /** Windows that hold a line back. */
  #holding = 0;

  constructor(limits: RepetitionLimits) {
    this.#limits = limits;
  }

  /** How many kinds are watched. */
  get size(): number {
    return this.#windows.size;
  }

  /** When `due` has the next line to write; null: nothing is held back. */
  get dueMs(): number | null {
    if (this.#holding === 0) return null;
    for (const { endsMs, held } of this.#windows.values()) {
      if (held !== null) return endsMs;
    }
    return null;
  }

  /** @returns what is to be written now. */
  take(line: LogLine, nowMs: number): LogLine[] {
    // Who asks for these wants every one of them.
    if (line.level === "debug") return [line];
    const { lines, windowMs, kinds } = this.#limits;
    const written = this.due(nowMs);
    const kind = kindOf(line);
    const window = this.#windows.get(kind);
    if (window === undefined) {
      if (this.#windows.size >= kinds) written.push(...this.#endFirst());
      this.#windows.set(kind, {
        endsMs: nowMs + windowMs,
        passed: 1,
        held: null,
        repeated: 0,
      });
      written.push(line);
    } else if (window.passed < lines) {
      window.passed++;
      written.push(line);
    } else {
      if (window.held === null) this.#holding++;
      window.held = line;
      window.repeated++;
    }
    return written;
  }

  /** Ends the windows whose time is over. @returns what they held back. */
  due(nowMs: number): LogLine[] {
    const written: LogLine[] = [];
    for (const { endsMs } of this.#windows.values()) {
      if (endsMs > nowMs) break;
      written.push(...this.#endFirst());
    }
    return written;
  }

  /** Ends all windows. @returns what they held back. */
  flush(): LogLine[] {
    return this.due(Infinity);
  }

  #endFirst(): LogLine[] {
    const [first] = this.#windows;
    if (first === undefined) return [];
    const [kind, { held, repeated }] = first;
    this.#windows.delete(kind);
    if (held === null) return [];
    this.#holding--;
    return [{ ...held, fields: { ...held.fields, repeated } }];
  }
}

/** A count or a duration among words; part of no name, address or offset. */
const COUNT = /(?<=^|[\s(])\d+(?:\.\d+)?(?=(?:m?s)?(?:$|[\s),;]))/g;

/** Level, message and fields but for the numbers; of one length for all. */
function kindOf({ level, message, fields }: LogLine): string {
  const text = JSON.stringify([level, message, fields], (_, value) => {
    if (typeof value === "number") return 0;
    return typeof value === "string" ? value.replace(COUNT, "#") : value;
  });
  return createHash("sha256").update(text).digest("base64");
}
