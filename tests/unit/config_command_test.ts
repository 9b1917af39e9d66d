import assert from "node:assert/strict";

const command = new URL("../../src/commands/config.ts", import.meta.url);
const root = new URL("../../", import.meta.url);

/** Runs the command in a process whose environment is only what is given. */
async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const inherited = ["PATH", "HOME", "DENO_DIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--ext=ts",
      `import { config } from ${JSON.stringify(command.href)};
       Deno.exitCode = await config(Deno.args);`,
      "--",
      ...args,
    ],
    cwd: root,
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("config prints each setting with its source, secrets masked, and the memory budget", async () => {
  const { code, stdout, stderr } = await run([], {
    WORKERS: "2",
    PRIMARY_KAFKA_SASL_PASSWORD: "hunter2",
  });
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.match(stdout, /^workers +WORKERS +2 *$/m);
  assert.match(stdout, /^drainMs +default +25000 *$/m);
  assert.match(stdout, /^primary\.brokers +default +\(an embedded cluster\)/m);
  assert.match(
    stdout,
    /^primary\.kafka\["sasl\.password"\] +PRIMARY_KAFKA_SASL_PASSWORD +\*\*\*/m,
  );
  assert.doesNotMatch(stdout, /hunter2/);
  assert.match(stdout, /^memory budget: 384 MiB$/m);
});

Deno.test("config --json prints values and sources by path", async () => {
  const { code, stdout } = await run(["--", "--json"], {
    RATE_RECORDS: "50",
    SECONDARY_PRODUCER_SSL_KEY_PASSWORD: "hunter2",
  });
  assert.equal(code, 0);
  const settings = JSON.parse(stdout);
  assert.deepEqual(settings.rateRecords, {
    value: 50,
    source: { kind: "environment", name: "RATE_RECORDS" },
  });
  assert.deepEqual(settings.processor, {
    value: null,
    source: { kind: "default" },
  });
  assert.equal(
    settings['secondary.producer["ssl.key.password"]'].value,
    "***",
  );
});

Deno.test("config reads the file that SWITCHYARD_CONFIG names", async () => {
  const path = await Deno.makeTempFile({ suffix: ".jsonc" });
  try {
    await Deno.writeTextFile(path, `{\n  "drainMs": 1000 // short\n}`);
    const { code, stdout } = await run([], { SWITCHYARD_CONFIG: path });
    assert.equal(code, 0);
    const line = stdout.split("\n").find((it) => it.startsWith("drainMs"));
    assert.deepEqual(line?.split(/ +/), ["drainMs", `${path}:2`, "1000"]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("config answers wrong settings with a line each and status 2", async () => {
  const { code, stdout, stderr } = await run([], {
    WORKERS: "0",
    SWITCHYARD_CONFIG: "does/not/exist.jsonc",
  });
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.deepEqual(stderr.trimEnd().split("\n"), [
    'SWITCHYARD_CONFIG is "does/not/exist.jsonc", which does not exist',
    'WORKERS is "0"; expected a whole number from 1 to 1,024: each costs ' +
    "memory, and more than there are cores gain little",
  ]);
});

for (const args of [["--jsno"], ["extra"], ["--json=yes"]]) {
  Deno.test(`config ${args.join(" ")} is answered with one line and status 2`, async () => {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^[^\n]*usage: config \[--json\]\n$/);
  });
}
