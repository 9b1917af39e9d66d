import assert from "node:assert/strict";
import { FailbackError } from "../../dr/failback/errors.ts";
import { untilIdle } from "../../dr/failback/idle_groups.ts";
import { type Admin, KafkaError } from "../../src/kafka/mod.ts";
import { fakeClock } from "./support_clock.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const { signal } = new AbortController();

/** A group has members until then, by the fake clock. */
const busyUntil = (ms: number): Pick<Admin, "groups"> => ({
  groups: {
    describe: (groups: readonly string[]) =>
      Promise.resolve(groups.map((groupId) => ({
        groupId,
        members: performance.now() < ms ? [{}] : [],
        error: null,
      }))),
  } as unknown as Admin["groups"],
});

Deno.test("pools have the time to finish that the settings give them, and a minute", async () => {
  using clock = fakeClock();
  const parts = {
    admin: busyUntil(performance.now() + 4 * MINUTE),
    cluster: "primary",
    drainMs: 5 * MINUTE,
  } as const;
  const idle = untilIdle(parts, ["pool"], signal);
  await clock.tick(5 * MINUTE);
  await idle;
});

Deno.test("who does not leave is named, with the cluster", async () => {
  using clock = fakeClock();
  for (const cluster of ["primary", "secondary"] as const) {
    const parts = { admin: busyUntil(Infinity), cluster, drainMs: 0 };
    const failed = assert.rejects(
      untilIdle(parts, ["pool"], signal),
      (error) =>
        error instanceof FailbackError &&
        error.message.includes("at rest: pool (has members)") &&
        error.message.includes(`on the ${cluster}`),
    );
    await clock.tick(2 * MINUTE);
    await failed;
  }
});

Deno.test("a group whose coordinator does not say who works in its name is not at rest", async () => {
  using clock = fakeClock();
  const error = new KafkaError("describe group: timed out", {
    code: -185,
    codeName: "_TIMED_OUT",
  });
  const silent = {
    groups: {
      describe: (groups: readonly string[]) =>
        Promise.resolve(
          groups.map((groupId) => ({ groupId, members: [], error })),
        ),
    } as unknown as Admin["groups"],
  };
  const parts = { admin: silent, cluster: "secondary", drainMs: 0 } as const;
  const failed = assert.rejects(
    untilIdle(parts, ["pool"], signal),
    /at rest: pool \(describe group: timed out\)/,
  );
  await clock.tick(2 * MINUTE);
  await failed;
});
