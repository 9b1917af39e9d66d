import assert from "node:assert/strict";
import { Child } from "../support/child.ts";

/** How `mirror` ends that cannot start. */
async function refused(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly said: string }> {
  await using child = Child.deno(
    ["run", "-A", "--no-check", "src/main.ts", "mirror", ...args],
    { env },
  );
  const { code } = await child.exit(60_000);
  return { code, said: child.lines("stderr").join("\n") };
}

Deno.test("a mirror without two clusters says which one is missing", async () => {
  const primary = await refused({ SECONDARY_BROKERS: "127.0.0.1:1" });
  assert.equal(primary.code, 2);
  assert.match(primary.said, /^PRIMARY_BROKERS is not set: .*two clusters$/);
  const secondary = await refused({ PRIMARY_BROKERS: "127.0.0.1:1" });
  assert.equal(secondary.code, 2);
  assert.match(secondary.said, /^SECONDARY_BROKERS is not set/);
});

Deno.test("a mirror of a cluster to itself is refused", async () => {
  const { code, said } = await refused({
    PRIMARY_BROKERS: "127.0.0.1:9092",
    SECONDARY_BROKERS: "127.0.0.1:9092",
  });
  assert.equal(code, 2);
  assert.match(said, /two clusters without a broker in common/);
});

Deno.test("wrong patterns and options of a mirror are named", async () => {
  const clusters = {
    PRIMARY_BROKERS: "127.0.0.1:1",
    SECONDARY_BROKERS: "127.0.0.1:2",
  };
  const pattern = await refused({ ...clusters, MIRROR_TOPICS: "(" });
  assert.equal(pattern.code, 2);
  assert.match(pattern.said, /MIRROR_TOPICS.*regular expressions/);
  const rules = await refused({
    ...clusters,
    // Fine for JavaScript, but the comma divides the list.
    MIRROR_GROUPS: "a{1,2}",
    MIRROR_TOPIC_CONFIGS: "a:retention_ms=1",
    MIRROR_ON_DAMAGE: "a:halt",
  });
  assert.equal(rules.code, 2);
  assert.match(rules.said, /MIRROR_GROUPS.*a comma divides/);
  assert.match(
    rules.said,
    /MIRROR_TOPIC_CONFIGS.*did you mean "retention\.ms"/,
  );
  assert.match(
    rules.said,
    /MIRROR_ON_DAMAGE.*one of stop, restart, not "halt"/,
  );
  const option = await refused(clusters, "--minutes", "3");
  assert.equal(option.code, 2);
  assert.match(option.said, /usage: mirror/);
});

Deno.test("a target that does not answer ends the start of a mirror with a message", async () => {
  const { code, said } = await refused({
    PRIMARY_BROKERS: "127.0.0.1:1",
    SECONDARY_BROKERS: "127.0.0.1:2",
  });
  assert.equal(code, 1);
  assert.doesNotMatch(said, /\n {4}at /);
  assert.match(said, /describe cluster.*check PRIMARY_BROKERS/);
});
