import assert from "node:assert/strict";
import { sentinel } from "../../src/commands/sentinel.ts";
import { status } from "../../src/commands/status.ts";
import { type Command, refused } from "./support_refused.ts";

const WRONG: readonly [string, Command, readonly string[], RegExp][] = [
  ["sentinel", sentinel, ["--automatic"], /--automatic.*; usage: sentinel\n$/],
  ["sentinel", sentinel, ["now"], /now.*; usage: sentinel\n$/],
  ["status", status, ["--history", "0"], /from 1 to 10000, not "0"; usage/],
  ["status", status, ["--history", "all"], /not "all"; usage: status/],
  ["status", status, ["--history"], /--history.*; usage: status/],
  ["status", status, ["--", "--xml"], /--xml.*; usage: status/],
];
for (const [name, command, args, message] of WRONG) {
  Deno.test(`\`${name} ${args.join(" ")}\` is refused in one line that says how to use it`, async () => {
    const { said, status: code } = await refused(command, args);
    assert.equal(code, 2);
    assert.match(said, message);
    assert.equal(said.trim().split("\n").length, 1);
  });
}

for (
  const [name, command] of [["sentinel", sentinel], ["status", status]] as const
) {
  Deno.test(`\`${name}\` without two clusters says which one is missing`, async () => {
    const neither = await refused(command, []);
    assert.equal(neither.status, 2);
    assert.match(
      neither.said,
      /^PRIMARY_BROKERS is not set: .*two clusters\n$/,
    );
    const one = await refused(command, [], { PRIMARY_BROKERS: "127.0.0.1:1" });
    assert.equal(one.status, 2);
    assert.match(one.said, /^SECONDARY_BROKERS is not set/);
  });

  Deno.test(`\`${name}\` with wrong settings names them`, async () => {
    const { said, status: code } = await refused(command, [], {
      SENTINELS: "0",
    });
    assert.equal(code, 2);
    assert.match(said, /^SENTINELS is "0"; expected a whole number from 1/);
  });
}
