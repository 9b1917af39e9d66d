import assert from "node:assert/strict";
import { DrillError } from "../../dr/drill/mod.ts";
import { ownEnvironment } from "../../src/commands/drill/environment.ts";
import { runCommand } from "../../src/commands/drill/run_command.ts";

const { signal } = new AbortController();

Deno.test("a command that fails is told with how it ended and what it said", async () => {
  const lines: string[] = [];
  const running = runCommand({
    args: ["failover", "--planed"],
    env: ownEnvironment(),
    onLine: (line) => lines.push(line),
  }, signal);
  await assert.rejects(running, (error) =>
    error instanceof DrillError &&
    /^"failover --planed" ended with 2: .*--planned/.test(error.message));
  assert.equal(lines.length, 1);
});

Deno.test("a command ends with its signal, and the signal's reason is told", async () => {
  const stop = new AbortController();
  const running = runCommand({
    args: ["failover", "--planned"],
    env: ownEnvironment(),
    onLine: () => {},
  }, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
});
