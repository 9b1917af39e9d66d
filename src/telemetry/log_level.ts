/** How severe lines are, and which are written. */

const LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LEVELS[number];

/** Whether `level` is as severe as `least`, or more. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}

/** Syslog's 0-3 are errors, 4 warnings, 5 and 6 information, 7 debugging. */
export function levelOfSyslog(level: number): LogLevel {
  if (level <= 3) return "error";
  if (level === 4) return "warn";
  return level <= 6 ? "info" : "debug";
}

/**
 * The least severe level that is written. It stands in memory that threads
 * share, so that it changes for all of them at once.
 */
export class LevelSwitch {
  /** What another thread makes its own switch of. */
  readonly memory: SharedArrayBuffer;
  readonly #cell: Int32Array;

  constructor(from: LogLevel | SharedArrayBuffer) {
    this.memory = typeof from === "string" ? new SharedArrayBuffer(4) : from;
    this.#cell = new Int32Array(this.memory);
    if (typeof from === "string") this.current = from;
  }

  get current(): LogLevel {
    return LEVELS[Atomics.load(this.#cell, 0)]!;
  }

  set current(level: LogLevel) {
    Atomics.store(this.#cell, 0, LEVELS.indexOf(level));
  }
}
