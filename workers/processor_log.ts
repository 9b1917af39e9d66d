/** The log that processors are given. */
import type { Log, LogLevel } from "../src/telemetry/log.ts";
import type { ProcessorLog } from "./processor.ts";

/** Its fields stand apart from ours, so that neither means the other's. */
export function processorLog(log: Log): ProcessorLog {
  const at = (level: LogLevel): ProcessorLog["info"] =>
  (
    message,
    { error, ...fields } = {},
  ) =>
    log[level](message, {
      ...(error === undefined ? {} : { error }),
      ...(Object.keys(fields).length === 0 ? {} : { processor: fields }),
    });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}
