import assert from "node:assert/strict";
import { drillOptions } from "../../src/commands/drill_options.ts";
import { failbackOptions } from "../../src/commands/failback_options.ts";
import { HELP, usageOf } from "../../src/commands/help.ts";
import { wordsOf } from "../../src/commands/words.ts";
import { Child } from "../support/child.ts";

const COMMANDS = Object.keys(HELP) as (keyof typeof HELP)[];
const optionsIn = (text: string) =>
  [...text.matchAll(/--[a-z][a-z-]+/g)].map(([option]) => option).sort();
/** Those that have a line of their own. */
const explainedIn = (text: string) =>
  [...text.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option).sort();

for (const command of COMMANDS) {
  Deno.test(`--help explains each option of ${command} once`, () => {
    assert.match(usageOf(command), new RegExp(`^usage: ${command}\\b`));
    assert.deepEqual(
      explainedIn(HELP[command]),
      optionsIn(usageOf(command)),
    );
  });
}

Deno.test("options that --help explains are there", () => {
  const parsers = { drill: drillOptions, failback: failbackOptions };
  for (const [command, parse] of Object.entries(parsers)) {
    for (const option of explainedIn(HELP[command as "drill"])) {
      assert.doesNotMatch(String(parse([option!])), /Unknown option/);
    }
  }
});

Deno.test("an option that is misspelt names the one that was meant", () => {
  const options = { "dry-run": { type: "boolean" } } as const;
  assert.throws(
    () => wordsOf(["--dryrun"], options),
    /^Error: Unknown option '--dryrun'; did you mean "--dry-run"\?$/,
  );
  assert.throws(() => wordsOf(["--hurry"], options), /'--hurry'$/);
  assert.deepEqual({ ...wordsOf(["--", "--dry-run"], options) }, {
    "dry-run": true,
  });
});

Deno.test("--help needs no settings, and no library", async () => {
  await using child = Child.deno(
    ["run", "-A", "--no-check", "src/main.ts", "failover", "--help"],
    { env: {} },
  );
  const { code } = await child.exit(60_000);
  assert.equal(code, 0);
  assert.equal(
    child.lines("stdout").join("\n"),
    HELP.failover.trimEnd(),
  );
});
