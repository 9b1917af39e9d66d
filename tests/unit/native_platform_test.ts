import assert from "node:assert/strict";
import { buildEnvironment } from "../../src/kafka/native/environment.ts";
import { NativeError } from "../../src/kafka/native/error.ts";
import { platform } from "../../src/kafka/native/platform.ts";
import { isAtLeast } from "../../src/kafka/native/version.ts";

const supported = [
  ["linux", "x86_64", "librdkafka.so.1"],
  ["linux", "aarch64", "librdkafka.so.1"],
  ["darwin", "x86_64", "librdkafka.1.dylib"],
  ["darwin", "aarch64", "librdkafka.1.dylib"],
] as const;

for (const [os, arch, makeTarget] of supported) {
  Deno.test(`${os} on ${arch} makes ${makeTarget}`, () => {
    assert.equal(platform(os, arch).makeTarget, makeTarget);
  });
}

Deno.test("Windows is refused with the way that works", () => {
  assert.throws(() => platform("windows", "x86_64"), (error) => {
    assert.ok(error instanceof NativeError);
    assert.match(error.message, /WSL 2/);
    return true;
  });
});

Deno.test("other systems and processors are refused by name", () => {
  assert.throws(() => platform("freebsd", "x86_64"), /not on freebsd/);
  assert.throws(() => platform("linux", "riscv64"), /not on riscv64/);
});

Deno.test("on macOS the build finds Homebrew's hidden OpenSSL", () => {
  const { CPPFLAGS, LDFLAGS, PKG_CONFIG_PATH } = buildEnvironment(
    "darwin",
    (name) => name === "CPPFLAGS" ? "-DMINE" : undefined,
    (folder) =>
      ["/opt/homebrew", "/opt/homebrew/opt", "/opt/homebrew/opt/openssl@3"]
        .includes(folder),
  );
  const keg = "/opt/homebrew/opt/openssl@3";
  assert.equal(CPPFLAGS, `-DMINE -I${keg}/include -I/opt/homebrew/include`);
  assert.equal(LDFLAGS, `-L${keg}/lib -L/opt/homebrew/lib`);
  assert.equal(
    PKG_CONFIG_PATH,
    `${keg}/lib/pkgconfig:/opt/homebrew/lib/pkgconfig`,
  );
});

Deno.test("on Linux the build takes the user's flags as they are", () => {
  const environment = buildEnvironment(
    "linux",
    (name) => name === "LDFLAGS" ? "-L/mine" : undefined,
    () => true,
  );
  assert.equal(environment.LDFLAGS, "-L/mine");
  assert.equal(environment.CPPFLAGS, "");
});

const versions: [string, string, boolean][] = [
  ["2.6.0", "2.6", true],
  ["2.15.1", "2.6", true],
  ["2.5.9", "2.6", false],
  ["10.0", "2.6", true],
  ["2", "2.6", false],
  ["2.15.1-RC1", "2.15.1", true],
  ["17.0.15+6", "17", true],
  ["1.8.0_402", "17", false],
  ["unknown", "2.6", false],
];

for (const [version, minimum, expected] of versions) {
  Deno.test(`${version} is ${expected ? "" : "not "}at least ${minimum}`, () => {
    assert.equal(isAtLeast(version, minimum), expected);
  });
}
