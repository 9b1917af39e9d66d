import assert from "node:assert/strict";
import {
  createLog,
  formatLine,
  LevelSwitch,
  logClientLine,
  type LogLevel,
  type LogLine,
  LogSink,
} from "../../src/telemetry/log.ts";
import { readLine } from "../../src/telemetry/read_line.ts";

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

Deno.test("a line is JSON as ECS logging has it, readable from its beginning", () => {
  const { log, lines } = keptLog();
  log.info("hello", { topic: "t", delayMs: 2 });
  assert.equal(
    formatLine(lines[0]!),
    '{"@timestamp":"2026-01-02T03:04:05.678Z","log.level":"info",' +
      '"message":"hello","messaging.destination.name":"t",' +
      '"switchyard.delay_ms":2,' +
      '"service.name":"switchyard","ecs.version":"8.17.0"}',
  );
});

Deno.test("a line that is read has the names by which it was logged", () => {
  const { log, lines } = keptLog();
  log.warn("hello", { delayMs: 2, group: "g", reason: "why" });
  assert.deepEqual(readLine(formatLine(lines[0]!)), {
    time: "2026-01-02T03:04:05.678Z",
    level: "warn",
    message: "hello",
    fields: {
      delayMs: 2,
      group: "g",
      reason: "why",
      "service.name": "switchyard",
      "ecs.version": "8.17.0",
    },
  });
  for (const other of ["", "error: x", "{", '{"message":"m"}', "[]"]) {
    assert.equal(readLine(other), null);
  }
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
  log.child({ worker: 1, role: "a" }).child({ role: "b" }).warn("x", {
    count: 3,
  });
  assert.deepEqual(lines[0]!.fields, { worker: 1, role: "b", count: 3 });
});

Deno.test("a field cannot replace what every line has", () => {
  const line: LogLine = {
    time: "t",
    level: "info",
    message: "m",
    fields: { level: "none", message: "other", "@timestamp": "never" },
  };
  const written = JSON.parse(formatLine(line));
  assert.deepEqual(
    [written["@timestamp"], written["log.level"], written.message],
    ["t", "info", "m"],
  );
});

Deno.test("secrets are masked by their name and inside URLs", () => {
  const { log, lines } = keptLog();
  log.info("http://a:hunter2@b/ and eyJhbGciOiJub25lIn0.hunter2.", {
    reason: "https://user:hunter2@example.test/",
    config: { "sasl.password": "hunter2", note: "http://a:hunter2@b/" },
    damage: { clientSecret: ["hunter2"] },
    error: new Error("GET https://user:hunter2@example.test/ failed"),
  });
  const text = formatLine(lines[0]!);
  assert.doesNotMatch(text, /hunter2/);
  assert.match(text, /sasl.password\\":\\"\*\*\*/);
});

Deno.test("an error keeps its cause and code, its stack at error level only, and nothing else", () => {
  const { log, lines } = keptLog();
  const error = Object.assign(
    new TypeError("outer", { cause: new Error("inner") }),
    { codeName: "_TRANSPORT", response: "what it was working on" },
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
  const written = JSON.parse(formatLine(lines[1]!));
  assert.equal(written["error.type"], "TypeError");
  assert.equal(written["error.code"], "_TRANSPORT");
  assert.equal(written["error.message"], "outer; because: inner");
  assert.match(written["error.stack_trace"], /^TypeError: outer\n +at /);
});

Deno.test("any value becomes plain data that another thread can be sent", () => {
  const { log, lines } = keptLog();
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  log.error("x", {
    processor: {
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
    },
  });
  const [line] = lines;
  assert.deepEqual(structuredClone(line), line);
  const text = formatLine(line!);
  assert.deepEqual(JSON.parse(text)["switchyard.processor.bytes"], "7 bytes");
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

Deno.test("a level that changes holds for children and for other threads at once", () => {
  const { log, lines } = keptLog("error");
  const child = log.child({ role: "a" });
  const ofThread = createLog({
    level: new LevelSwitch(log.level.memory),
    write: (line) => lines.push(line),
  });
  const say = (message: string) =>
    [log, child, ofThread].forEach((each) => each.debug(message));
  say("before");
  log.level.current = "debug";
  say("meanwhile");
  log.level.current = "warn";
  say("after");
  assert.deepEqual(lines.map(({ message }) => message), [
    "meanwhile",
    "meanwhile",
    "meanwhile",
  ]);
  assert.equal(log.level.current, "warn");
});
