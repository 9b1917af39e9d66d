import assert from "node:assert/strict";
import { Child } from "../support/child.ts";

const PROCESS = new URL("../support/openssl_exit.ts", import.meta.url).pathname;

Deno.test("OpenSSL frees nothing at the end of a process, where threads may still end", async () => {
  await using child = Child.deno(["run", "-A", "--no-check", PROCESS]);
  const { code, signal } = await child.exit(60_000);
  const said = [...child.lines("stdout"), ...child.lines("stderr")].join("\n");
  assert.match(said, /rdkafka#producer/);
  assert.deepEqual([code, signal], [0, null], said);
});
