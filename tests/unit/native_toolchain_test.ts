/** Commands run as children, so that each has a PATH and a CC of its own. */
import assert from "node:assert/strict";

const commands = new URL("../../src/commands/", import.meta.url);
const config = new URL("../../deno.json", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one of our commands where only these executables are to be found. */
async function runWith(
  command: "native" | "doctor",
  args: readonly string[],
  executables: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const path = await Deno.makeTempDir();
  try {
    for (const [name, script] of Object.entries(executables)) {
      await Deno.writeTextFile(`${path}/${name}`, script, { mode: 0o755 });
    }
    const module = JSON.stringify(new URL(`${command}.ts`, commands).href);
    const code = `import { ${command} } from ${module};
      Deno.exit(await ${command}(Deno.args));`;
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", "--config", config, code, "--", ...args],
      env: { ...env, PATH: path },
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      code: output.code,
      stdout: decode(output.stdout),
      stderr: decode(output.stderr),
    };
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const nothing = "#!/bin/sh\nexit 0\n";

for (
  const [manager, line] of [
    [
      "apt-get",
      /apt-get install -y gcc libc6-dev make bash libssl-dev zlib1g-dev libzstd-dev libcurl4-openssl-dev libsasl2-dev\n/,
    ],
    [
      "dnf",
      /dnf install -y gcc .*libzstd-devel libcurl-devel cyrus-sasl-devel\n/,
    ],
    ["apk", /apk add gcc .*zstd-dev curl-dev cyrus-sasl-dev\n/],
    ["zypper", /zypper install -y gcc .*libopenssl-devel/],
    ["pacman", /pacman -S --needed gcc .*libsasl\n/],
  ] as const
) {
  Deno.test(`without a compiler, a system with ${manager} gets one exact line`, async () => {
    const { code, stderr } = await runWith("native", ["--force"], {
      [manager]: nothing,
    });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /C compiler/);
    assert.match(stderr, line);
    assert.doesNotMatch(stderr, /\n\s+at /, "no stack trace");
  });
}

Deno.test("without a known package manager the parts are still named", async () => {
  const { code, stderr } = await runWith("native", ["--force"], {});
  assert.equal(code, 1);
  for (const part of ["C compiler", "make", "bash", "OpenSSL headers"]) {
    assert.ok(stderr.includes(part), stderr);
  }
  assert.match(stderr, /with your system's package manager/);
});

/** A compiler as far as these tests ask, for which some libraries lack. */
function compilerWithout(...libraries: string[]): string {
  return [
    "#!/bin/sh",
    'for word in "$@"; do case "$word" in',
    ...libraries.map((name) => `-l${name}) exit 1;;`),
    "esac; done",
    "echo fake 1.0",
    "",
  ].join("\n");
}

Deno.test("all missing headers are named at once, and only those", async () => {
  const { code, stderr } = await runWith("native", ["--force"], {
    cc: compilerWithout("ssl", "zstd", "sasl2"),
    make: nothing,
    bash: nothing,
    apk: nothing,
  });
  assert.equal(code, 1);
  assert.match(stderr, /apk add openssl-dev zstd-dev cyrus-sasl-dev\n/);
  assert.doesNotMatch(stderr, /zlib headers|libcurl headers|C compiler/);
});

Deno.test("a compiler that cannot compile is named as missing", async () => {
  const { stderr } = await runWith("native", ["--force"], {
    mycc: compilerWithout("pthread"),
    gcc: compilerWithout(),
  }, { CC: "mycc" });
  assert.match(stderr, /C compiler \(CC=mycc\)/);
});

Deno.test("native refuses arguments it does not know", async () => {
  const { code, stderr } = await runWith("native", ["--fast"], {});
  assert.equal(code, 2);
  assert.match(stderr, /--fast.*usage: native/);
});

Deno.test("doctor fails when the settings' library does not open", async () => {
  const { code, stdout } = await runWith("doctor", ["--json"], {}, {
    LIBRDKAFKA_PATH: "/no/such/librdkafka.so",
  });
  assert.equal(code, 1);
  const { ok, checks } = JSON.parse(stdout);
  assert.equal(ok, false);
  const missing = checks.filter((it: { state: string }) =>
    it.state === "missing"
  );
  assert.deepEqual(missing.map((it: { name: string }) => it.name), [
    "librdkafka",
  ]);
  assert.match(missing[0].detail, /cannot open \/no\/such\/librdkafka\.so/);
});

Deno.test("doctor names Java and Maven for the tests with their line", async () => {
  const { stdout } = await runWith("doctor", ["--json"], {
    "apt-get": nothing,
    java: "#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019' >&2\n",
  });
  const { checks, install } = JSON.parse(stdout);
  const stateOf = (name: string) =>
    checks.find((it: { name: string }) => it.name === name).state;
  assert.equal(stateOf("Java"), "note");
  assert.equal(stateOf("Maven"), "note");
  assert.match(install.join("\n"), /default-jdk-headless maven$/);
});

Deno.test("doctor fails when the settings are wrong and says how", async () => {
  const { code, stdout } = await runWith("doctor", ["--json"], {}, {
    SWITCHYARD_CONFIG: "/no/such/settings.jsonc",
  });
  assert.equal(code, 1);
  const { checks } = JSON.parse(stdout);
  const settings = checks.find((it: { name: string }) =>
    it.name === "settings"
  );
  assert.equal(settings.state, "missing");
  assert.match(settings.detail, /\/no\/such\/settings\.jsonc/);
});
