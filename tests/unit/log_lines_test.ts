import assert from "node:assert/strict";
import {
  createLog,
  formatLine,
  isAtLeast,
  levelOfSyslog,
  logClientLine,
  type LogLevel,
  type LogLine,
  LogSink,
  syslogOfLevel,
} from "../../src/telemetry/log.ts";

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** A log whose lines are kept, at a fixed time. */
function keptLog(level: LogLevel = "debug") {
  const lines: LogLine[] = [];
  const log = createLog({
    level,
    write: (line) => lines.push(line),
    now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  });
  return { log, lines };
}

Deno.test("a line is JSON that begins with time, level and message", () => {
  const { log, lines } = keptLog();
  log.info("hello", { count: 2 });
  assert.equal(
    formatLine(lines[0]!),
    '{"time":"2026-01-02T03:04:05.678Z","level":"info",' +
      '"message":"hello","count":2}',
  );
});

Deno.test("only lines of the level and above are written", () => {
  for (const least of levels) {
    const { log, lines } = keptLog(least);
    for (const level of levels) log[level]("x");
    assert.deepEqual(
      lines.map(({ level }) => level),
      levels.slice(levels.indexOf(least)),
    );
  }
});

Deno.test("a child's lines carry the fields of all its ancestors", () => {
  const { log, lines } = keptLog();
  log.child({ worker: 1, role: "a" }).child({ role: "b" }).warn("x", { n: 3 });
  assert.deepEqual(lines[0]!.fields, { worker: 1, role: "b", n: 3 });
});

Deno.test("a field cannot replace what every line has", () => {
  const line: LogLine = {
    time: "t",
    level: "info",
    message: "m",
    fields: { level: "none", message: "other", time: "never" },
  };
  assert.deepEqual(JSON.parse(formatLine(line)), {
    time: "t",
    level: "info",
    message: "m",
  });
});

Deno.test("secrets are masked by their name and inside URLs", () => {
  const { log, lines } = keptLog();
  log.info("x", {
    "sasl.password": "hunter2",
    registry: "https://user:hunter2@example.test/",
    nested: { clientSecret: ["hunter2"], note: "http://a:hunter2@b/" },
    error: new Error("GET https://user:hunter2@example.test/ failed"),
  });
  const text = formatLine(lines[0]!);
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /"sasl.password":"\*\*\*"/);
});

Deno.test("an error keeps its cause and own fields, and its stack at error level only", () => {
  const { log, lines } = keptLog();
  const error = Object.assign(
    new TypeError("outer", { cause: new Error("inner") }),
    { codeName: "_TRANSPORT" },
  );
  log.warn("x", { error });
  log.error("x", { error });
  assert.deepEqual(lines[0]!.fields["error"], {
    codeName: "_TRANSPORT",
    name: "TypeError",
    message: "outer",
    cause: { name: "Error", message: "inner" },
  });
  assert.match(JSON.stringify(lines[1]!.fields), /log_lines_test/);
});

Deno.test("any value becomes plain data that another thread can be sent", () => {
  const { log, lines } = keptLog();
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  log.error("x", {
    cycle,
    big: 2n ** 70n,
    call: () => 1,
    symbol: Symbol("s"),
    bytes: new Uint8Array(7),
    date: new Date(0),
    broken: new Date(NaN),
    infinite: Infinity,
    absent: undefined,
    long: "y".repeat(1_000_000),
    many: Array.from({ length: 10_000 }, (_, index) => index),
  });
  const [line] = lines;
  assert.deepEqual(structuredClone(line), line);
  const text = formatLine(line!);
  assert.deepEqual(JSON.parse(text).bytes, "7 bytes");
  assert.ok(text.length < 5000, `${text.length} characters`);
});

Deno.test("a diverted sink gives lines to the borrower until it is returned", () => {
  const own: string[] = [];
  const borrower: string[] = [];
  const sink = new LogSink(({ message }) => own.push(message));
  const log = createLog({ level: "info", write: sink.write });
  log.info("before");
  {
    using _ = sink.divert(({ message }) => borrower.push(message));
    log.info("meanwhile");
  }
  log.info("after");
  assert.deepEqual(own, ["before", "after"]);
  assert.deepEqual(borrower, ["meanwhile"]);
});

Deno.test("a log writes to stderr where nothing else is said", async () => {
  const module = new URL("../../src/telemetry/log.ts", import.meta.url);
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { createLog, LogSink } from ${JSON.stringify(module.href)};
       createLog({ level: "info", write: new LogSink().write }).info("ö");`,
    ],
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "");
  assert.equal(JSON.parse(new TextDecoder().decode(stderr)).message, "ö");
});

Deno.test("librdkafka's lines keep their severity and facility", () => {
  const { log, lines } = keptLog();
  for (let level = 0; level <= 7; level++) {
    logClientLine(log, { level, facility: "FAIL", message: `${level}` });
  }
  assert.deepEqual(lines.map(({ level, message }) => `${message} ${level}`), [
    "0 error",
    "1 error",
    "2 error",
    "3 error",
    "4 warn",
    "5 info",
    "6 info",
    "7 debug",
  ]);
  assert.deepEqual(lines[0]!.fields, { facility: "FAIL" });
});

Deno.test("librdkafka is asked for all that the log shows, and no more", () => {
  for (const least of levels) {
    for (let level = 0; level <= 7; level++) {
      assert.equal(
        level <= syslogOfLevel(least),
        isAtLeast(levelOfSyslog(level), least),
        `${least} ${level}`,
      );
    }
  }
});
