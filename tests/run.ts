/**
 * `deno task test [group ...]`: prepares what the tests need, runs every group
 * in a process of its own and ends with the line `N passed, N failed`.
 */
import { fileURLToPath } from "node:url";
import { prepare } from "./runner/prepare.ts";
import { runTests } from "./runner/run_tests.ts";
import { isSoak } from "./support/soak.ts";

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => interrupted.abort(signal));
}

Deno.exit(
  await runTests(Deno.args, {
    root: fileURLToPath(new URL(".", import.meta.url)),
    logFolder: fileURLToPath(new URL("../.cache/test-logs", import.meta.url)),
    soak: isSoak,
    prepare,
    signal: interrupted.signal,
  }),
);
