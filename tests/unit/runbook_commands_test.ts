/** Each command of docs/disaster-recovery.md is run by a test. */
import assert from "node:assert/strict";
import {
  DRILLS,
  ELSEWHERE,
  runbookCommands,
} from "../support/runbook_commands.ts";

const tests = new URL("../", import.meta.url);
const textOf = (file: string) => Deno.readTextFile(new URL(file, tests));

Deno.test("integration/runbook runs what no other test does", async () => {
  const text = await textOf("integration/runbook_test.ts");
  const commands = await runbookCommands();
  const others = [...DRILLS, ...Object.keys(ELSEWHERE)];
  assert.deepEqual(
    [...commands].filter((command) =>
      !others.includes(command) &&
      !['"', "'"].some((quote) => text.includes(quote + command + quote))
    ),
    [],
  );
  assert.deepEqual(others.filter((each) => !commands.has(each)), []);
});

for (const [command, files] of Object.entries(ELSEWHERE)) {
  if (files.length === 0) continue;
  Deno.test(`tests run what the runbook's test leaves to them: ${command}`, async () => {
    const texts = await Promise.all(files.map(textOf));
    const words = command.replaceAll(/'[^']*'|\d+/g, "").trim().split(/\s+/);
    assert.deepEqual(
      words.filter((word) => !texts.join().includes(`"${word}"`)),
      [],
    );
  });
}
