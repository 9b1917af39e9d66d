/** What the Dockerfile permits is enough: its words, outside of a container. */
import assert from "node:assert/strict";
import { Child } from "../support/child.ts";
import { dockerfile, execForm, valuesOf } from "../support/dockerfile.ts";
import { freePorts } from "../support/free_port.ts";
import { cleanEnd, withoutOurs } from "../support/job_process.ts";

const START_MS = 60_000;
const last = dockerfile().at(-1)!;

/** The command as it is, but for where things are on this machine. */
function words(command: string): string[] {
  const [image = "", ...rest] = execForm(command);
  return rest.map((word) =>
    word.replace(image, Deno.execPath())
      .replace(/^\/app\//, "")
      .replace(
        "--allow-write=/tmp",
        `--allow-write=${Deno.env.get("TMPDIR") ?? "/tmp"}`,
      )
  );
}

const [entrypoint = []] = valuesOf(last, "ENTRYPOINT").map(words);
const [health = []] = valuesOf(last, "HEALTHCHECK")
  .map((value) => words(value.replace(/^CMD\s+/, "")));

function run(command: readonly string[], env: Record<string, string> = {}) {
  return Child.deno(command, {
    env: { ...withoutOurs(), WORKERS: "2", ...env },
  });
}

Deno.test("start works with the permissions of the image", async () => {
  await using job = run([...entrypoint, "start", "--messages", "20000"], {
    EMBEDDED_RATE: "20000",
  });
  const { consumed } = await cleanEnd(job, START_MS);
  assert.equal(consumed, 20_000);
});

Deno.test("a name for an instance and its health need no other permission", async () => {
  const [port] = freePorts(1);
  const env = { HTTP_PORT: String(port), GUARANTEE: "exactly-once" };
  await using job = run([...entrypoint, "start"], env);
  await job.waitForLine(/"message":"started"/, { timeoutMs: START_MS });
  await using check = run(health, env);
  const { code } = await check.exit(START_MS);
  assert.equal(code, 0, check.lines("stderr").join("\n"));
  job.signal("SIGTERM");
  await cleanEnd(job, START_MS);
});

Deno.test("commands for people need no other permission", async () => {
  for (const command of ["config", "doctor"]) {
    await using child = run([...entrypoint, command]);
    await child.exit(START_MS);
    const said = [...child.lines("stdout"), ...child.lines("stderr")];
    assert.doesNotMatch(said.join("\n"), /NotCapable|PermissionDenied/);
  }
});

Deno.test("without one of them it does not start", async () => {
  const less = entrypoint.filter((word) => word !== "--allow-ffi");
  assert.equal(less.length, entrypoint.length - 1);
  await using job = run([...less, "start", "--messages", "1"]);
  assert.notEqual((await job.exit(START_MS)).code, 0);
});
