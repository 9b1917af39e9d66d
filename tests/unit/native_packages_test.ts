import assert from "node:assert/strict";
import {
  type Component,
  installLines,
  type PackageManager,
} from "../../src/kafka/native/packages.ts";

const components: Component[] = ["compiler", "make", "openssl", "zstd"];

const expected: Record<PackageManager, string[]> = {
  "apt-get": [
    "apt-get update && apt-get install -y gcc libc6-dev make libssl-dev libzstd-dev",
  ],
  dnf: ["dnf install -y gcc glibc-devel make openssl-devel libzstd-devel"],
  apk: ["apk add gcc musl-dev make openssl-dev zstd-dev"],
  zypper: [
    "zypper install -y gcc glibc-devel make libopenssl-devel libzstd-devel",
  ],
  pacman: ["pacman -S --needed gcc make openssl zstd"],
  brew: ["xcode-select --install", "brew install openssl@3 zstd"],
};

for (const [manager, lines] of Object.entries(expected)) {
  Deno.test(`${manager} is told in its own words`, () => {
    const actual = installLines(components, manager as PackageManager, true);
    assert.deepEqual(actual, lines);
  });
}

Deno.test("whoever is not root is told to use sudo, in every command", () => {
  assert.deepEqual(installLines(["make"], "apt-get", false), [
    "sudo apt-get update && sudo apt-get install -y make",
  ]);
  assert.deepEqual(installLines(["make"], "dnf", false), [
    "sudo dnf install -y make",
  ]);
});

Deno.test("Homebrew is never called with sudo", () => {
  assert.deepEqual(installLines(["zstd"], "brew", false), [
    "brew install zstd",
  ]);
});

Deno.test("nothing missing or no known manager gives no line", () => {
  assert.deepEqual(installLines([], "dnf", true), []);
  assert.deepEqual(installLines(["make"], null, true), []);
});
