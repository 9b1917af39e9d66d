import assert from "node:assert/strict";
import { redrive } from "../../src/commands/redrive.ts";
import { refused } from "./support_refused.ts";

const WRONG: readonly [readonly string[], RegExp][] = [
  [["--max", "0"], /--max takes a number above 0, not "0"/],
  [["--max"], /--max/],
  [["--topic", "a b"], /--topic takes the name of a topic, not "a b"/],
  [["--to", ""], /--to takes the name of a topic/],
  [["--topic", "x.dlq", "--to", "x.dlq"], /--to is the topic/],
  [["--filter", "nonsense"], /--filter takes FIELD=VALUE with one of/],
  [["--filter", "offset>1", "--filter", "reason~=("], /--filter reason takes/],
  [["--all"], /--all/],
  [["in.dlq"], /in\.dlq/],
  [["--", "--dry-run=1"], /dry-run/],
  [[], /PRIMARY_BROKERS is not set/],
];
for (const [args, message] of WRONG) {
  Deno.test(`\`redrive ${args.join(" ")}\` is refused in one line that says how to use it`, async () => {
    const { status, said } = await refused(redrive, args);
    assert.equal(status, 2);
    assert.match(said, message);
    assert.match(said, /; usage: redrive \[--topic T\] .*\n$/);
    assert.equal(said.trim().split("\n").length, 1);
  });
}
