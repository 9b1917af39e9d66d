/** The log that processors are given. */
import type { Log, LogLevel } from "../src/telemetry/log.ts";
import type { ProcessorLog, Trace } from "./processor.ts";

/**
 * Its fields stand apart from ours, so that neither means the other's.
 * @param trace that its lines name; null: none
 */
export function processorLog(
  log: Log,
  trace: Trace | null = null,
): ProcessorLog {
  const names = trace === null ? {} : namesOf(trace);
  const at = (level: LogLevel): ProcessorLog["info"] =>
  (
    message,
    { error, ...fields } = {},
  ) =>
    log[level](message, {
      ...names,
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

const namesOf = ({ spanId, traceId }: Trace) =>
  spanId === null
    ? { trace_id: traceId }
    : { trace_id: traceId, span_id: spanId };
