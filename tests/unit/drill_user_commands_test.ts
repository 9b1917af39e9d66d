import assert from "node:assert/strict";
import { SCENARIOS } from "../../dr/drill/mod.ts";
import type { ClusterFault } from "../../src/commands/drill/cluster_fault.ts";
import { UserCommands } from "../../src/commands/drill/user_commands.ts";

const KILL: ClusterFault = { kind: "kill", cluster: "primary" };
const HANG: ClusterFault = { kind: "hang", cluster: "primary" };

/** What commands that write it down were told, a line each. */
async function told(use: (commands: UserCommands) => void): Promise<string[]> {
  const path = await Deno.makeTempFile();
  try {
    const noting = (what: string) =>
      `echo ${what} $DRILL_FAULT $DRILL_SCENARIO >> ${path}`;
    {
      await using commands = new UserCommands(
        { break: noting("break"), mend: noting("mend") },
        "flapping",
      );
      use(commands);
    }
    const text = await Deno.readTextFile(path);
    return text.split("\n").filter((line) => line !== "");
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("commands are told the fault and the scenario, one after the other", async () => {
  const lines = await told((commands) => {
    for (const fault of [KILL, HANG]) {
      assert.ok(commands.begin(fault));
      assert.ok(commands.end(fault));
    }
  });
  assert.deepEqual(lines, [
    "break kill flapping",
    "mend kill flapping",
    "break hang flapping",
    "mend hang flapping",
  ]);
});

Deno.test("what is still broken in the end is mended", async () => {
  const lines = await told((commands) => commands.begin(HANG));
  assert.deepEqual(lines, ["break hang flapping", "mend hang flapping"]);
});

Deno.test("commands kill and hang the primary; all else is left to links", async () => {
  const faults = SCENARIOS.flatMap(({ steps }) =>
    steps.flatMap((step) =>
      "fault" in step && "cluster" in step.fault ? [step.fault] : []
    )
  );
  const taken: string[] = [];
  await told((commands) => {
    for (const fault of faults) {
      if (!commands.begin(fault)) continue;
      taken.push(`${fault.kind} ${fault.cluster}`);
    }
  });
  assert.deepEqual(new Set(taken), new Set(["kill primary", "hang primary"]));
});

Deno.test("without commands all is left to links", async () => {
  await using commands = new UserCommands(null, "kill");
  assert.ok(!commands.begin(KILL));
  assert.ok(!commands.end(KILL));
});

Deno.test("a command that fails is told with what it said", async () => {
  await using commands = new UserCommands(
    { break: "echo no host >&2; exit 3", mend: "true" },
    "kill",
  );
  commands.begin(KILL);
  assert.equal(
    await commands.failed,
    '"echo no host >&2; exit 3" ended with 3: no host',
  );
});

Deno.test("a command that cannot even begin fails the drill with what it is", async () => {
  const commands = { break: "true\0", mend: "true" };
  await using user = new UserCommands(commands, "kill");
  user.begin(KILL);
  assert.match(await user.failed, /^"true\0" cannot be run: TypeError/);
});
