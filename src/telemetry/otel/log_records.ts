/** Lines of the log as OpenTelemetry's log records. */
import {
  type Logger,
  type LogRecord,
  ROOT_CONTEXT,
  SeverityNumber,
  trace,
  TraceFlags,
} from "@opentelemetry/api";
import type { LogLevel, LogLine } from "../log.ts";
import { attributesOf } from "../log_names.ts";
import { FACILITY } from "./diag_log.ts";

export const logExport =
  (logger: Pick<Logger, "emit">) => (line: LogLine): void => {
    if (line.fields["facility"] !== FACILITY) logger.emit(logRecord(line));
  };

const SEVERITIES: Readonly<Record<LogLevel, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

/** A line that names a span belongs to it. */
export function logRecord(
  { fields, level, message, time }: LogLine,
): LogRecord {
  const { span_id: spanId, trace_id: traceId, ...attributes } = fields;
  const isTraced = typeof spanId === "string" && typeof traceId === "string";
  return {
    timestamp: Date.parse(time),
    severityNumber: SEVERITIES[level],
    severityText: level.toUpperCase(),
    body: message,
    attributes: attributesOf(attributes),
    ...(isTraced
      ? {
        context: trace.setSpanContext(ROOT_CONTEXT, {
          traceId,
          spanId,
          traceFlags: TraceFlags.SAMPLED,
        }),
      }
      : {}),
  };
}
