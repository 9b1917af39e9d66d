import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { reloadSettings } from "../../src/commands/role_log.ts";
import { loadSettings, SettingsError } from "../../src/config/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { readLine } from "../../src/telemetry/read_line.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const loaded = (env: Readonly<Record<string, string>> = {}) =>
  loadSettings({
    env,
    readTextFile: () => "",
    hardwareConcurrency: 2,
    hostname: "h",
  });

/** Runs the code of a role, whose log is `log`, in a process of its own. */
async function role(code: string) {
  const { code: status, stdout, stderr } = await new Deno.Command(
    Deno.execPath(),
    {
      args: [
        "eval",
        "--no-check",
        `import { openRoleLog } from "${root}src/commands/role_log.ts";
         import { loadSettings } from "${root}src/config/mod.ts";
         const { settings } = loadSettings({
           env: {},
           readTextFile: () => "",
           hardwareConcurrency: 2,
           hostname: "h",
         });
         const { log } = openRoleLog(settings);
         ${code}`,
      ],
      stdin: "null",
    },
  ).output();
  const decoder = new TextDecoder();
  const lines = decoder.decode(stderr).split("\n").filter((each) => each !== "")
    .map((text) => readLine(text) ?? assert.fail(text));
  return { status, stdout: decoder.decode(stdout), lines };
}

Deno.test("whatever is written to the console is a line of the log", async () => {
  const { status, stdout, lines } = await role(`
    console.log("a %s", "b", { c: 1 });
    console.debug("not at this level");
    console.warn("two\\nlines");
    console.error("it failed:", new TypeError("why"));
    console.table([{ d: 2 }]);
    console.group("e");
    console.count("f");
  `);
  assert.deepEqual([status, stdout], [0, ""]);
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message.split("\n")[0]]),
    [
      ["info", "a b { c: 1 }"],
      ["warn", "two"],
      ["error", "it failed: why"],
      ["info", "┌─────────┬───┐"],
      ["info", "e"],
      ["info", "  f: 1"],
    ],
  );
  assert.equal(lines[2]!.fields["error.type"], "TypeError");
  assert.ok(lines.every(({ fields }) => fields["stream"] === "console"));
});

for (
  const [what, code] of [
    ["thrown", "setTimeout(() => { throw new TypeError('boom'); });"],
    ["rejected", "setTimeout(() => Promise.reject(new TypeError('boom')));"],
  ] as const
) {
  Deno.test(`what is ${what} and not caught is the last line, and the end`, async () => {
    const { status, lines } = await role(`
      for (let at = 0; at < 12; at++) log.warn("again");
      ${code}
      setTimeout(() => {}, 60_000);
    `);
    assert.equal(status, 1);
    const [uncaught, held] = lines.slice(-2);
    assert.equal(uncaught!.level, "error");
    assert.equal(uncaught!.message, "uncaught error");
    assert.equal(uncaught!.fields["error.message"], "boom");
    assert.match(String(uncaught!.fields["error.stack_trace"]), /\n +at /);
    // The end lets nothing of the log be lost.
    assert.equal(held!.message, "again");
    assert.equal(held!.fields["repeated"], 2);
  });
}

Deno.test("SIGHUP takes the level over with all else, and says so", () => {
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const child = log.child({ role: "a" });
  reloadSettings(
    log,
    () => ({ workers: 3 }),
    () => loaded({ LOG_LEVEL: "debug" }),
  );
  child.debug("seen");
  assert.deepEqual(lines.map(({ fields, message }) => [message, fields]), [
    ["settings read again; these are in effect", {
      logLevel: "debug",
      workers: 3,
    }],
    ["seen", { role: "a" }],
  ]);
});

Deno.test("settings that are wrong leave the level as it is", () => {
  const lines: LogLine[] = [];
  const log = createLog({ level: "warn", write: (line) => lines.push(line) });
  reloadSettings(log, () => ({}), () => loaded({ LOG_LEVEL: "loud" }));
  assert.equal(log.level.current, "warn");
  assert.equal(lines[0]!.message, "settings not taken over");
  assert.match(String(lines[0]!.fields["problems"]), /LOG_LEVEL/);
  assert.throws(() => loaded({ LOG_LEVEL: "loud" }), SettingsError);
});
