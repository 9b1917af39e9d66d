/**
 * The structured log. A log makes lines, which are plain data; a sink
 * (log_sink.ts) shows them; the log of a worker thread sends them to the
 * coordinator instead.
 */
import type { ClientLog } from "../kafka/mod.ts";
import { plainFields, plainText, type PlainValue } from "./log_fields.ts";
import {
  isAtLeast,
  levelOfSyslog,
  LevelSwitch,
  type LogLevel,
} from "./log_level.ts";
import type { FieldName } from "./log_names.ts";

export { isAtLeast, levelOfSyslog, LevelSwitch, type LogLevel };
export { formatLine, LogSink } from "./log_sink.ts";

/** Under the names that log_names.ts has. */
export type LogFields = { readonly [Name in FieldName]?: unknown };

/** One line, ready for `postMessage`. Secrets are masked already. */
export interface LogLine {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  /** By `FieldName`; `attributesOf` gives them the names that are written. */
  readonly fields: { readonly [name: string]: PlainValue };
}

export interface Log {
  /** What is written; can be changed at any time. */
  readonly level: LevelSwitch;
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
  readonly level: LogLevel | LevelSwitch;
  readonly write: (line: LogLine) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Part of every line. */
  readonly fields?: LogFields;
}

export function createLog(options: LogOptions): Log {
  const { write, now = Date.now, fields: own = {} } = options;
  const least = typeof options.level === "string"
    ? new LevelSwitch(options.level)
    : options.level;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (!isAtLeast(level, least.current)) return;
    write({
      time: new Date(now()).toISOString(),
      level,
      message: plainText(message),
      fields: plainFields({ ...own, ...fields }, level === "error"),
    });
  };
  return {
    level: least,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) =>
      createLog({ ...options, level: least, fields: { ...own, ...fields } }),
  };
}

/** Logs what librdkafka says of itself. */
export function logClientLine(
  log: Log,
  { level, facility, message }: ClientLog,
): void {
  log[levelOfSyslog(level)](message, { facility });
}
