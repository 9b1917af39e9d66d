import assert from "node:assert/strict";
import { z } from "zod";
import { readComposeFile } from "../support/compose_file.ts";
import { type Compose, composeTest } from "../support/require_compose.ts";

const { services } = readComposeFile();
const namesIn = (profile: string) =>
  Object.entries(services)
    .filter(([, { profiles }]) => profiles.includes(profile))
    .map(([name]) => name).sort();

async function config(compose: Compose, env: Record<string, string> = {}) {
  const { code, stderr, stdout } = await compose(
    ["config", "--format", "json"],
    env,
  );
  assert.equal(code, 0, stderr);
  // A variable without a value would be told here.
  assert.equal(stderr, "");
  return z.object({
    services: z.record(
      z.string(),
      z.object({
        environment: z.record(z.string(), z.string()).nullish(),
        command: z.array(z.string()).nullish(),
      }),
    ),
  }).parse(JSON.parse(stdout)).services;
}

composeTest(
  "Docker Compose starts everything by default, and what its profiles say",
  async (compose) => {
    const named = async (env?: Record<string, string>) =>
      Object.keys(await config(compose, env)).sort();
    assert.deepEqual(await named(), namesIn("full"));
    for (const profile of ["full", "small", "drill"]) {
      assert.deepEqual(
        await named({ COMPOSE_PROFILES: profile }),
        namesIn(profile),
      );
    }
  },
);

composeTest(
  "Docker Compose reads commands and variables as the other tests do",
  async (compose) => {
    const read = await config(compose);
    for (const [name, { command, environment }] of Object.entries(read)) {
      assert.deepEqual(environment ?? {}, services[name]!.environment, name);
      assert.deepEqual(command ?? [], services[name]!.command, name);
    }
    const faster = await config(compose, { LOGINS_PER_SECOND: "5000" });
    assert.equal(faster["generator"]!.command!.includes("5000"), true);
  },
);
