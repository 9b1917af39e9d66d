/**
 * The structured log. A log makes lines, which are plain data; a sink shows
 * them: as JSON on stderr, in the live view while that owns the terminal, or,
 * for the log of a worker thread, in a message to the coordinator.
 */
import type { ClientLog } from "../kafka/mod.ts";
import { plainFields, type PlainValue } from "./log_fields.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LEVELS[number];

/** Anything but the names that every line has. */
export type LogFields = Readonly<
  Record<string, unknown> & { time?: never; level?: never; message?: never }
>;

/** One line, ready for `postMessage`. Secrets are masked already. */
export interface LogLine {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: { readonly [name: string]: PlainValue };
}

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** Errors among the fields keep their stack here, and only here. */
  error(message: string, fields?: LogFields): void;
  /** A log whose lines carry these fields as well. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  /** The least severe lines that are written. */
  readonly level: LogLevel;
  readonly write: (line: LogLine) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Part of every line. */
  readonly fields?: LogFields;
}

export function createLog(options: LogOptions): Log {
  const { level: least, write, now = Date.now, fields: own = {} } = options;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (!isAtLeast(level, least)) return;
    write({
      time: new Date(now()).toISOString(),
      level,
      message,
      fields: plainFields({ ...own, ...fields }, level === "error"),
    });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => createLog({ ...options, fields: { ...own, ...fields } }),
  };
}

/** Whether `level` is as severe as `least`, or more. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}

/** `{"time":..,"level":..,"message":..,...fields}` without a line end. */
export function formatLine({ fields, ...line }: LogLine): string {
  // The second time, because a field may not replace what every line has.
  return JSON.stringify({ ...line, ...fields, ...line });
}

/** Where lines go; can be lent to a live view. */
export class LogSink {
  #target: (line: LogLine) => void;

  constructor(target: (line: LogLine) => void = writeToStderr) {
    this.#target = target;
  }

  /** Bound, so that it can be passed on as it is. */
  readonly write = (line: LogLine): void => this.#target(line);

  /** Sends lines to `target` until the result is disposed. */
  divert(target: (line: LogLine) => void): Disposable {
    const before = this.#target;
    this.#target = target;
    return { [Symbol.dispose]: () => void (this.#target = before) };
  }
}

const encoder = new TextEncoder();

function writeToStderr(line: LogLine): void {
  const bytes = encoder.encode(`${formatLine(line)}\n`);
  try {
    for (let at = 0; at < bytes.length;) {
      at += Deno.stderr.writeSync(bytes.subarray(at));
    }
  } catch {
    // Nobody reads the log any more, and there is nowhere else to say so. The
    // job must not end for that.
  }
}

/** Logs what librdkafka says of itself. */
export function logClientLine(
  log: Log,
  { level, facility, message }: ClientLog,
): void {
  log[levelOfSyslog(level)](message, { facility });
}

/** Syslog's 0-3 are errors, 4 warnings, 5 and 6 information, 7 debugging. */
export function levelOfSyslog(level: number): LogLevel {
  if (level <= 3) return "error";
  if (level === 4) return "warn";
  return level <= 6 ? "info" : "debug";
}

/** For librdkafka's property `log_level`: what is below is not even made. */
export function syslogOfLevel(level: LogLevel): number {
  return { debug: 7, info: 6, warn: 4, error: 3 }[level];
}
