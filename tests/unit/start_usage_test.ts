import assert from "node:assert/strict";
import { start } from "../../src/commands/start.ts";
import { refused } from "./support_refused.ts";

const WRONG: readonly [readonly string[], RegExp][] = [
  [["--messages", "0"], /--messages takes a number above 0, not "0"/],
  [["--messages", "-5"], /--messages/],
  [["--messages", "many"], /not "many"/],
  [["--messages", "1.5"], /not "1\.5"/],
  [["--messages", ""], /not ""/],
  [["--messages", "1e999"], /not "1e999"/],
  [["--messages"], /--messages/],
  [["--for", "30"], /--for takes a duration such as 30s, not "30"/],
  [["--for", "0s"], /not "0s"/],
  [["--for"], /--for/],
  [["--workers", "3"], /--workers/],
  [["user-login"], /user-login/],
  [["--", "--bogus"], /--bogus/],
];
for (const [args, message] of WRONG) {
  Deno.test(`\`start ${args.join(" ")}\` is refused in one line that says how to use it`, async () => {
    const { status, said } = await refused(start, args);
    assert.equal(status, 2);
    assert.match(said, message);
    assert.match(said, /; usage: start \[--messages N\] \[--for 30s\]\n$/);
    assert.equal(said.trim().split("\n").length, 1);
  });
}

Deno.test("strict leases without transactions, or without two clusters, are refused", async () => {
  const leases = (rest: Readonly<Record<string, string>>) =>
    refused(start, [], { STRICT_LEASES: "true", ...rest });
  const loose = await leases({ GUARANTEE: "at-least-once" });
  assert.equal(loose.status, 2);
  assert.match(loose.said, /GUARANTEE is not exactly-once/);
  const alone = await leases({ GUARANTEE: "exactly-once" });
  assert.equal(alone.status, 2);
  assert.match(alone.said, /SECONDARY_BROKERS/);
});

Deno.test("wrong settings are told and end with status 2", async () => {
  const { status, said } = await refused(start, [], { WORKERS: "none" });
  assert.equal(status, 2);
  assert.match(said, /WORKERS/);
  assert.match(said, /none/);
  assert.doesNotMatch(said, /usage|at file:/);
});
