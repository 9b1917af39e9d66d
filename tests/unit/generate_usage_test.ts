import assert from "node:assert/strict";
import { generate, generateOptions } from "../../src/commands/generate.ts";

Deno.test("generate has a rate and a share of malformed logins, and ends when it is told to", () => {
  assert.deepEqual(generateOptions([]), {
    rate: 1000,
    malformed: 0.01,
    messages: null,
    forMs: null,
  });
  assert.deepEqual(
    generateOptions([
      ...["--rate", "0.5", "--malformed", "0"],
      ...["--messages", "7", "--for", "2m"],
    ]),
    { rate: 0.5, malformed: 0, messages: 7, forMs: 120_000 },
  );
});

Deno.test("what generate cannot do is named with the option", () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--rate", "0"], /^--rate takes a number from 0\.01 to 1000000, not "0"$/],
    [["--rate", ""], /^--rate takes/],
    [["--rate", "fast"], /not "fast"$/],
    [["--malformed", "1.1"], /^--malformed takes a number from 0 to 1, /],
    [["--messages", "1.5"], /^--messages takes a number above 0, not "1\.5"$/],
    [["--for", "5"], /^--for takes a duration such as 30s, not "5"$/],
    [["--mesages", "5"], /did you mean "--messages"\?$/],
  ];
  for (const [args, says] of wrong) {
    assert.match(String(generateOptions(args)), says);
  }
});

Deno.test("wrong words end generate with status 2", async () => {
  assert.equal(await generate(["--rate=-1"]), 2);
});
