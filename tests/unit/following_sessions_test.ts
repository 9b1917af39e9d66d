import assert from "node:assert/strict";
import {
  type ClusterName,
  type DrState,
  type Lease,
  LeaseClock,
  type Phase,
} from "../../dr/state/mod.ts";
import { NO_STATE } from "../../src/commands/following/assignment.ts";
import { fakeClock } from "./support_clock.ts";
import { fakeSessions, type FakeWorld, turns } from "./support_sessions.ts";

function state(
  epoch: number,
  active: ClusterName,
  phase: Phase = "steady",
  era = active === "primary" ? 0 : 1,
): DrState {
  return {
    epoch,
    active,
    phase,
    era,
    sinceMs: -250,
    reason: "a test",
    lanes: null,
  };
}

/** A session that runs on the primary. */
async function working(): Promise<FakeWorld> {
  const world = fakeSessions();
  world.sessions.take(NO_STATE);
  world.newest().beginning.resolve();
  await turns();
  return world;
}

Deno.test("without a state it works on the primary, and the first state that says the same changes nothing", async () => {
  const { newest, opened, sessions } = await working();
  assert.equal(newest().assignment.cluster, "primary");
  sessions.take(state(1, "primary"));
  sessions.take(state(2, "primary"));
  assert.equal(opened.length, 1);
  assert.equal(newest().isHalted || newest().isDraining, false);
  assert.deepEqual(sessions.status().following, {
    active: "primary",
    epoch: 2,
    phase: "steady",
  });
  await sessions.begun;
});

Deno.test("once the state names the other cluster the session is halted before anything else, and the next one waits for its fences alone", async () => {
  const { messages, newest, opened, sessions } = await working();
  const [first] = opened;
  sessions.take(state(7, "secondary"));
  assert.ok(first!.isHalted);
  await turns();
  assert.equal(opened.length, 1);
  assert.equal(sessions.status().phase, "switching");
  await first!.raiseFences();
  assert.equal(opened.length, 2);
  assert.deepEqual(newest().assignment, {
    cluster: "secondary",
    era: 1,
    epoch: 7,
  });
  // Numbers of threads go on, so that none is taken for another.
  assert.equal(newest().firstWorkerId, 2);
  newest().beginning.resolve();
  await turns();
  assert.equal(sessions.status().phase, "running");
  assert.deepEqual(messages(), [
    "fenced off from primary",
    "switched to secondary (epoch 7)",
  ]);
});

Deno.test("while a switch is under way it finishes what it has, and begins on the other cluster afterwards", async () => {
  const { newest, opened, sessions } = await working();
  sessions.take(state(1, "primary", "fencing"));
  assert.ok(newest().isDraining);
  assert.equal(newest().isHalted, false);
  assert.equal(sessions.status().phase, "switching");
  await newest().endDrain();
  assert.equal(opened.length, 1);
  sessions.take(state(2, "secondary"));
  assert.equal(opened.length, 2);
  assert.equal(opened[0]!.isHalted, false);
});

Deno.test("a cluster that does not let it finish is left all the same", async () => {
  const { opened, sessions } = await working();
  sessions.take(state(1, "primary", "fencing"));
  sessions.take(state(2, "secondary"));
  assert.ok(opened[0]!.isHalted);
  await opened[0]!.raiseFences();
  assert.equal(opened.length, 2);
  // What was drained in the end concerns nobody any more.
  await opened[0]!.endDrain();
  assert.equal(opened.length, 2);
  assert.equal(opened[1]!.isHalted, false);
});

Deno.test("a switch that came to nothing ends the session that was leaving, and another one goes on", async () => {
  const { newest, opened, sessions } = await working();
  sessions.take(state(1, "primary", "fencing"));
  sessions.take(state(2, "primary"));
  assert.ok(opened[0]!.isHalted);
  await opened[0]!.raiseFences();
  assert.equal(opened.length, 2);
  assert.equal(newest().assignment.cluster, "primary");
});

Deno.test("the phases of the way back after a failover do not stop it", async () => {
  const { opened, sessions } = await working();
  sessions.take(state(1, "secondary"));
  await opened[0]!.raiseFences();
  opened[1]!.beginning.resolve();
  await turns();
  const phases: Phase[] = ["recovering", "reversing", "catching-up", "steady"];
  for (const [index, phase] of phases.entries()) {
    sessions.take(state(2 + index, "secondary", phase));
  }
  assert.equal(opened.length, 2);
  assert.equal(opened[1]!.isDraining, false);
});

Deno.test("work of another era is other work, though its cluster is the same", async () => {
  const { opened, sessions } = await working();
  // It was away while there was a failover and a failback.
  sessions.take(state(9, "primary", "steady", 2));
  assert.ok(opened[0]!.isHalted);
  await opened[0]!.raiseFences();
  assert.equal(opened[1]!.assignment.era, 2);
});

Deno.test("one that is still opening is halted, whichever way the state changes", async () => {
  for (
    const next of [state(1, "primary", "fencing"), state(1, "secondary")]
  ) {
    const { opened, sessions } = fakeSessions();
    sessions.take(NO_STATE);
    sessions.take(next);
    assert.ok(opened[0]!.isHalted);
    assert.equal(opened[0]!.isDraining, false);
    // What it says then is of no interest.
    opened[0]!.beginning.reject(new Error("halted"));
    await opened[0]!.raiseFences();
    assert.equal(opened.length, next.phase === "steady" ? 2 : 1);
  }
});

Deno.test("where it cannot begin it tries again, and at once when the state changes", async () => {
  using clock = fakeClock();
  const { messages, opened, sessions } = fakeSessions();
  sessions.take(NO_STATE);
  opened[0]!.beginning.reject(new Error("no answer"));
  await turns();
  await opened[0]!.raiseFences();
  await sessions.begun; // it waits, and says so
  assert.deepEqual(messages(), ["cannot work on primary yet"]);
  assert.equal(opened.length, 1);
  await clock.tick(1_000);
  assert.equal(opened.length, 2);
  opened[1]!.beginning.reject(new Error("no answer"));
  await turns();
  await opened[1]!.raiseFences();
  sessions.take(state(1, "secondary"));
  assert.equal(opened.length, 3);
  assert.equal(opened[2]!.assignment.cluster, "secondary");
  assert.equal(clock.timers, 0);
});

Deno.test("what cannot pass ends it", async () => {
  const { opened, sessions } = fakeSessions(() => false);
  sessions.take(NO_STATE);
  const broken = new Error("does not load");
  opened[0]!.beginning.reject(broken);
  await assert.rejects(sessions.begun, broken);
  assert.equal(await sessions.failed, "does not load");
  await opened[0]!.raiseFences();
  sessions.take(state(1, "secondary"));
  assert.equal(opened.length, 1);
});

Deno.test("a session that fails ends it, unless it was left already", async () => {
  const { opened, sessions } = await working();
  sessions.take(state(1, "secondary"));
  await opened[0]!.raiseFences();
  opened[0]!.failing.resolve("of the past");
  opened[1]!.failing.resolve("of the present");
  assert.equal(await sessions.failed, "of the present");
});

Deno.test("in the end the session is drained, and no other one begins", async () => {
  const { opened, sessions } = await working();
  opened[0]!.consumed = 10;
  const ended = sessions.drain(1_000);
  assert.ok(opened[0]!.isDraining);
  assert.equal(sessions.status().phase, "draining");
  await opened[0]!.endDrain();
  assert.equal(await ended, true);
  sessions.take(state(1, "secondary"));
  assert.equal(opened.length, 1);
  assert.equal(sessions.status().phase, "stopped");
  assert.equal(sessions.status().totals.consumed, 10);
});

Deno.test("also while it drains in the end, a switch raises the fences", async () => {
  const { opened, sessions } = await working();
  const ended = sessions.drain(1_000);
  sessions.take(state(1, "secondary"));
  assert.ok(opened[0]!.isHalted);
  opened[0]!.closing.resolve(true);
  await opened[0]!.raiseFences();
  assert.equal(await ended, true);
});

Deno.test("the end does not wait for clients of a dead cluster", async () => {
  using clock = fakeClock();
  const { opened, sessions } = await working();
  sessions.take(state(1, "secondary"));
  await opened[0]!.raiseFences();
  opened[1]!.beginning.resolve();
  await turns();
  const ended = sessions.drain(1_000);
  await opened[1]!.endDrain();
  await clock.tick(1_000);
  // The process must be ended by force.
  assert.equal(await ended, false);
});

Deno.test("new wishes reach the session that runs", async () => {
  const { newest, sessions } = await working();
  sessions.setWorkers(7);
  assert.equal(newest().workers, 7);
});

Deno.test("it is at work only while it runs, under one assignment a session", async () => {
  const { newest, sessions } = await working();
  newest().consumed = 3;
  const { assignment, consumed } = sessions.working!;
  assert.deepEqual([assignment, consumed], [newest().assignment, 3]);
  assert.equal(sessions.working!.assignment, assignment);
  sessions.take(state(1, "primary", "fencing"));
  assert.equal(sessions.working, null);
});

/** A strict one, and a clock that a test moves. */
function strictly() {
  const time = { ms: 0 };
  const world = fakeSessions(
    () => true,
    new LeaseClock(() => time.ms, () => 0),
  );
  const lease = (cluster: ClusterName, era: number): Lease => ({
    cluster,
    era,
    fromMs: time.ms,
    lengthMs: 10_000,
  });
  return { ...world, lease, time };
}

Deno.test("a strict one begins with its first lease, and is fenced when the last one has ended", async () => {
  using clock = fakeClock();
  const { lease, messages, newest, opened, sessions, time } = strictly();
  const pass = async (ms: number) => {
    time.ms += ms;
    await clock.tick(ms);
  };
  sessions.take(state(1, "primary"));
  await sessions.begun;
  assert.equal(opened.length, 0);
  sessions.takeLease(lease("primary", 0));
  newest().beginning.resolve();
  await turns();
  await pass(6_000);
  sessions.takeLease(lease("primary", 0));
  await pass(9_999);
  assert.equal(newest().isHalted, false);
  assert.ok(sessions.mayWork(newest().assignment));
  await pass(1);
  assert.ok(newest().isHalted);
  assert.ok(!sessions.mayWork(newest().assignment));
  await newest().raiseFences();
  assert.equal(opened.length, 1);
  assert.equal(sessions.status().phase, "switching");
  // It goes on when it can renew.
  sessions.takeLease(lease("primary", 0));
  assert.equal(opened.length, 2);
  assert.deepEqual(messages(), [
    "has no lease any more, and stops at once",
    "fenced off from primary",
  ]);
  const drained = sessions.drain(0);
  newest().closing.resolve(true);
  opened[0]!.closing.resolve(true);
  await newest().raiseFences();
  await pass(1_000);
  await drained;
  assert.equal(clock.timers, 0);
});

Deno.test("a strict one that wakes up after its lease may not commit, before any timer goes off", async () => {
  using _clock = fakeClock();
  const { lease, newest, sessions, time } = strictly();
  sessions.take(state(1, "primary"));
  sessions.takeLease(lease("primary", 0));
  newest().beginning.resolve();
  await turns();
  time.ms += 60_000;
  assert.equal(newest().isHalted, false);
  assert.ok(!sessions.mayWork(newest().assignment));
});

Deno.test("a strict one finishes under its lease while a switch is under way, and a lease for one cluster is none for the other", async () => {
  using clock = fakeClock();
  const { lease, newest, opened, sessions, time } = strictly();
  sessions.take(state(1, "primary"));
  sessions.takeLease(lease("primary", 0));
  newest().beginning.resolve();
  await turns();
  sessions.take(state(2, "primary", "fencing"));
  assert.ok(newest().isDraining);
  assert.equal(newest().isHalted, false);
  time.ms += 10_000;
  await clock.tick(10_000);
  assert.ok(newest().isHalted);
  await newest().raiseFences();
  sessions.take(state(3, "secondary"));
  assert.equal(opened.length, 1);
  sessions.takeLease(lease("secondary", 1));
  assert.equal(opened.length, 2);
  assert.equal(newest().assignment.cluster, "secondary");
});
