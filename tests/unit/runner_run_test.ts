/** The runner itself, on test files of its own. */
import assert from "node:assert/strict";
import { runProcess } from "../runner/group_process.ts";
import { Child } from "../support/child.ts";
import { isRunning } from "../support/process_state.ts";
import { eventually } from "../support/wait.ts";
import { fakeClock } from "./support_clock.ts";

const runner = import.meta.resolve("../runner/run_tests.ts");
const config = new URL("../../deno.json", import.meta.url).pathname;
const prepareModule = import.meta.resolve("../runner/prepare.ts");

const PASSES = `Deno.test("passes", () => {});`;
const FAILS = `${PASSES} Deno.test("fails", () => { throw Error("why"); });`;
const DIES = `${PASSES} Deno.test("dies", async () => {
  console.log("its last words");
  Deno.kill(Deno.pid, "SIGABRT");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});`;
const IGNORED = `Deno.test({ name: "not now", ignore: true, fn() {} });`;

/** Of a test that ends once the other file is there. */
const meets = (its: string, other: string) =>
  `const seen = (name: string) => new URL(name, import.meta.url);
   Deno.test("meets ${other}", async () => {
     Deno.writeTextFileSync(seen("${its}"), "");
     for (;;) {
       try { return void Deno.statSync(seen("${other}")); } catch {}
       await new Promise((resolve) => setTimeout(resolve, 20));
     }
   });`;

/** A folder of tests and a program that runs them. */
class Scratch implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async create(
    files: Readonly<Record<string, string>>,
    prepare = "async () => ({ missing: undefined })",
  ): Promise<Scratch> {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(
      `${folder}/run.ts`,
      `import { runTests } from "${runner}";
       import { PrepareError } from "${prepareModule}";
       const interrupted = new AbortController();
       Deno.addSignalListener("SIGTERM", () => interrupted.abort("SIGTERM"));
       Deno.exit(await runTests(Deno.args, {
         root: "${folder}/tests",
         logFolder: "${folder}/logs",
        soak: false,
         prepare: ${prepare},
         signal: interrupted.signal,
       }));
       void PrepareError;`,
    );
    for (const [name, text] of Object.entries(files)) {
      const path = `${folder}/tests/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), {
        recursive: true,
      });
      await Deno.writeTextFile(path, `export {}; ${text}`);
    }
    return new Scratch(folder);
  }

  /** Without the check of types, which takes most of the time. */
  start(...args: string[]): Child {
    return this.startChecked("--no-check", ...args);
  }

  startChecked(...args: string[]): Child {
    const options = ["-A", "--no-check", `--config=${config}`];
    return Child.deno(["run", ...options, `${this.folder}/run.ts`, ...args], {
      env: { DENO_JOBS: "2" },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

const TIMEOUT_MS = 60_000;

const run = (scratch: Scratch, ...args: string[]) =>
  result(scratch.start(...args));

async function result(started: Child) {
  await using child = started;
  const { code } = await child.exit(TIMEOUT_MS);
  const lines = child.lines("stdout");
  return { code, lines, last: lines.at(-1), text: lines.join("\n") };
}

Deno.test("a run in which all pass ends with its counts and status 0", async () => {
  await using scratch = await Scratch.create({
    "unit/a_test.ts": PASSES,
    "unit/b_test.ts": PASSES,
    "integration/c_test.ts": PASSES,
  });
  const { code, last, text } = await run(scratch);
  assert.equal(last, "3 passed, 0 failed");
  assert.equal(code, 0);
  assert.match(text, /^unit +2 passed +\d+\.\d s$/m);
  assert.match(text, /^integration\/c +1 passed +\d+\.\d s$/m);
  const log = await Deno.readTextFile(`${scratch.folder}/logs/unit.log`);
  assert.match(log, /2 passed/);
});

Deno.test("a group that fails or dies is shown and hides no other", async () => {
  await using scratch = await Scratch.create({
    "unit/a_test.ts": PASSES,
    "unit/b_test.ts": DIES,
    "integration/a_test.ts": DIES,
    "integration/b_test.ts": FAILS,
    "integration/c_test.ts": PASSES,
  });
  const { code, last, text } = await run(scratch);
  assert.equal(last, "2 passed, 3 failed");
  assert.equal(code, 1);
  assert.match(text, /^unit +0 passed, 1 failed, SIGABRT/m);
  assert.match(text, /^integration\/a +0 passed, 1 failed, SIGABRT/m);
  assert.match(text, /its last words/);
  assert.match(text, /^integration\/b +1 passed, 1 failed/m);
  assert.match(text, /Error: why/);
  assert.match(text, /^integration\/c +1 passed/m);
});

Deno.test("files of one group run beside each other", async () => {
  await using scratch = await Scratch.create({
    "unit/a_test.ts": meets("a", "b"),
    "unit/b_test.ts": meets("b", "a"),
  });
  const { last, text } = await run(scratch);
  assert.equal(last, "2 passed, 0 failed", text);
});

Deno.test("groups with JVMs run one after another, beside the others", async () => {
  const JVM = `import "../support/broker.ts";`;
  const alone = `Deno.test("is alone", () => {
     Deno.mkdirSync(new URL("place", import.meta.url));
   });
   Deno.test.afterAll(() => Deno.removeSync(new URL("place", import.meta.url)));`;
  await using scratch = await Scratch.create({
    "support/jvm_slots.ts": "",
    "support/broker.ts": `import "./jvm_slots.ts";`,
    "integration/a_test.ts": JVM + meets("a", "b"),
    "integration/b_test.ts": meets("b", "a"),
    "integration/c_test.ts": JVM + alone,
    "integration/d_test.ts": JVM + alone,
  });
  const { last, text } = await run(scratch);
  assert.equal(last, "4 passed, 0 failed", text);
});

Deno.test("a type error counts as a failure", async () => {
  await using scratch = await Scratch.create({
    "unit/a_test.ts": `${PASSES} const text: string = 1; void text;`,
    "integration/b_test.ts": PASSES,
  });
  const { code, last, text } = await result(scratch.startChecked());
  assert.equal(last, "2 passed, 1 failed");
  assert.equal(code, 1);
  assert.match(text, /^types +0 passed, 1 failed, exit status 1/m);
  assert.match(text, /TS2322/);
});

Deno.test("tests that were not run are told, and alone are no success", async () => {
  await using scratch = await Scratch.create(
    { "unit/a_test.ts": PASSES, "integration/b_test.ts": IGNORED },
    `async () => ({ missing: "java is missing; install it" })`,
  );
  const both = await run(scratch);
  assert.deepEqual(both.lines.slice(-2), [
    "not run: 1 (java is missing; install it)",
    "1 passed, 0 failed",
  ]);
  assert.equal(both.code, 0);
  const alone = await run(scratch, "integration");
  assert.equal(alone.last, "0 passed, 0 failed");
  assert.equal(alone.code, 1);
});

Deno.test("what cannot be prepared is said and counts as a failure", async () => {
  await using scratch = await Scratch.create(
    { "unit/a_test.ts": PASSES },
    `async () => { throw new PrepareError("there is no compiler"); }`,
  );
  const { code, lines } = await run(scratch);
  assert.deepEqual(lines, ["there is no compiler", "0 passed, 1 failed"]);
  assert.equal(code, 1);
});

Deno.test("an unknown group is wrong usage", async () => {
  await using scratch = await Scratch.create({ "unit/a_test.ts": PASSES });
  await using child = scratch.start("integration");
  assert.equal((await child.exit(TIMEOUT_MS)).code, 2);
  assert.match(child.lines("stderr").join("\n"), /no tests in "integration"/);
});

Deno.test("an interrupted run ends its tests and what they started", async () => {
  await using scratch = await Scratch.create({
    "integration/a_test.ts": `Deno.test("waits", async () => {
      const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
      await Deno.writeTextFile("pids", child.pid + " " + Deno.pid + "\\n");
      await child.status;
    });`,
    "integration/b_test.ts": PASSES,
  });
  await using child = scratch.start();
  const pids = await eventually(
    async () => {
      const text = await Deno.readTextFile(`${scratch.folder}/pids`);
      // It may be there and empty.
      return /^(\d+) (\d+)\n$/.exec(text)?.slice(1).map(Number);
    },
    { what: "running", timeoutMs: TIMEOUT_MS },
  );
  assert.ok(pids.every(isRunning));
  child.signal("SIGTERM");
  assert.equal((await child.exit(TIMEOUT_MS)).code, 1);
  assert.deepEqual(pids.filter(isRunning), []);
  assert.equal(child.lines("stdout").at(-1), "0 passed, 1 failed");
  assert.match(child.lines("stdout").join("\n"), /interrupted by SIGTERM/);
});

Deno.test("a process that is late is ended with all that it started", async () => {
  using clock = fakeClock();
  const said = Promise.withResolvers<string>();
  const ending = runProcess(
    ["/bin/sh", "-c", "sleep 600 & echo $! $$; wait"],
    {
      env: { PATH: Deno.env.get("PATH") ?? "" },
      cwd: ".",
      deadlineMs: TIMEOUT_MS,
      signal: new AbortController().signal,
      onOutput: (bytes) => said.resolve(new TextDecoder().decode(bytes)),
    },
  );
  ending.then(() => said.reject(new Error("it has said nothing")));
  const pids = (await said.promise).trim().split(" ").map(Number);
  await clock.tick(TIMEOUT_MS);
  assert.deepEqual(await ending, { kind: "late", deadlineMs: TIMEOUT_MS });
  assert.equal(pids.length, 2);
  assert.deepEqual(pids.filter(isRunning), []);
});

Deno.test("what a process leaves behind is ended with it", async () => {
  let output = "";
  const ending = await runProcess(
    ["/bin/sh", "-c", "sleep 600 & echo $!; exit 3"],
    {
      env: { PATH: Deno.env.get("PATH") ?? "" },
      cwd: ".",
      deadlineMs: TIMEOUT_MS,
      signal: new AbortController().signal,
      onOutput: (bytes) => output += new TextDecoder().decode(bytes),
    },
  );
  assert.deepEqual(ending, { kind: "exited", code: 3 });
  const left = Number(output.trim());
  await eventually(() => !isRunning(left), { what: "ended" });
});
