import assert from "node:assert/strict";
import { failbackOptions } from "../../src/commands/failback_options.ts";

Deno.test("what becomes of tails is chosen for all topics, and for single ones", () => {
  const options = failbackOptions([
    "--tail",
    "quarantine",
    "--tail",
    "audit=discard",
  ]);
  assert.ok(typeof options !== "string");
  assert.equal(options.tailOf("audit"), "discard");
  assert.equal(options.tailOf("logins"), "quarantine");
  assert.deepEqual(options.tailTopics, ["audit"]);
});

Deno.test("without a choice the class of a topic decides", () => {
  const options = failbackOptions(["--dry-run"]);
  assert.ok(typeof options !== "string");
  assert.ok(options.isDryRun && !options.switches);
  assert.equal(options.tailOf("audit"), null);
});

Deno.test("wrong words are named", () => {
  assert.match(
    String(failbackOptions(["--tail", "audit=forget"])),
    /not "audit=forget"/,
  );
  assert.match(String(failbackOptions(["--back"])), /--back/);
  for (const other of [["--switch"], ["--dry-run"], ["--tail", "replay"]]) {
    assert.match(
      String(failbackOptions(["--cancel", ...other])),
      /--cancel goes with neither/,
    );
  }
  assert.match(String(failbackOptions(["--force"])), /--force goes with/);
  assert.match(
    String(failbackOptions(["--deny-principal", "User:alice"])),
    /--deny-principal goes with --switch/,
  );
});
