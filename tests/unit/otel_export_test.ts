import assert from "node:assert/strict";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { diagLogger } from "../../src/telemetry/otel/diag_log.ts";
import { logExport, logRecord } from "../../src/telemetry/otel/log_records.ts";
import { hrTime, metricData } from "../../src/telemetry/otel/metric_data.ts";

const line = (fields: LogLine["fields"]): LogLine => ({
  time: "2026-01-01T00:00:00.000Z",
  level: "warn",
  message: "it is late",
  fields,
});

Deno.test("OpenTelemetry's messages are said once a minute, with how often they came", () => {
  const lines: LogLine[] = [];
  let nowMs = 0;
  const diag = diagLogger(
    createLog({ level: "debug", write: (line) => lines.push(line) }),
    () => nowMs,
  );
  const refused = (port: number) =>
    JSON.stringify({ message: `ECONNREFUSED ${port}`, stack: "Error: at x" });
  for (let port = 0; port < 100; port++) diag.error(refused(port));
  diag.warn("another");
  nowMs = 60_000;
  diag.error(refused(7));
  assert.deepEqual(
    lines.map(({ level, message, fields }) => [level, message, fields]),
    [
      ["warn", "ECONNREFUSED 0", { facility: "opentelemetry" }],
      ["warn", "another", { facility: "opentelemetry" }],
      ["warn", "ECONNREFUSED 7", { facility: "opentelemetry", repeated: 99 }],
    ],
  );
});

Deno.test("messages that all differ are not remembered for ever", () => {
  const lines: LogLine[] = [];
  const diag = diagLogger(
    createLog({ level: "debug", write: (line) => lines.push(line) }),
    () => 0,
  );
  const name = (number: number) => "x".repeat(number + 1);
  for (let number = 0; number < 150; number++) diag.warn(name(number));
  diag.warn(name(149));
  assert.equal(lines.length, 150);
});

Deno.test("a line of the log keeps its level, message and fields, under the names that are written", () => {
  const { attributes, body, severityText, timestamp } = logRecord(
    line({ worker: 1, group: "g" }),
  );
  assert.deepEqual(attributes, {
    "switchyard.worker": 1,
    "messaging.consumer.group.name": "g",
  });
  assert.equal(body, "it is late");
  assert.equal(severityText, "WARN");
  assert.equal(timestamp, Date.UTC(2026, 0, 1));
});

Deno.test("lines about the export itself are not exported", () => {
  const emitted: unknown[] = [];
  const write = logExport({ emit: (record) => void emitted.push(record) });
  write(line({ facility: "opentelemetry" }));
  assert.deepEqual(emitted, []);
  write(line({ facility: "FETCH" }));
  assert.equal(emitted.length, 1);
});

Deno.test("metrics without a sample are left out rather than made up", () => {
  const period = { startTime: hrTime(0), endTime: hrTime(1) };
  const empty = { kind: "gauge", name: "x", help: "x", samples: [] } as const;
  assert.deepEqual(metricData([empty], period), []);
});

Deno.test("times keep their fractions of a millisecond", () => {
  assert.deepEqual(hrTime(1_700_000_000_123.25), [1_700_000_000, 123_250_000]);
});
