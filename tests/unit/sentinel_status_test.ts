/** What a sentinel tells, and what `status` prints. */
import assert from "node:assert/strict";
import {
  type Decision,
  decisionKey,
  gatewayTarget,
} from "../../dr/sentinel/mod.ts";
import { Problems } from "../../dr/sentinel/problems.ts";
import type { DrState, Phase } from "../../dr/state/types.ts";
import {
  addressesOf,
  gatewayReadiness,
  sentinelLiveness,
  sentinelReadiness,
} from "../../src/commands/run_sentinel.ts";
import { renderStatus } from "../../src/commands/status_text.ts";
import { createLog } from "../../src/telemetry/log.ts";

const STATE: DrState = {
  epoch: 7,
  active: "secondary",
  phase: "steady",
  sinceMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  reason: "primary was down",
  era: 1,
  lanes: 4,
};

Deno.test("the gateway leads nobody anywhere until a switch has released its positions", () => {
  const targets: Record<Phase, "secondary" | null> = {
    "steady": "secondary",
    "fencing": null,
    "draining": null,
    "releasing": null,
    "recovering": "secondary",
    "reversing": "secondary",
    "catching-up": "secondary",
  };
  for (const [phase, target] of Object.entries(targets)) {
    const state = { ...STATE, phase: phase as Phase };
    assert.equal(gatewayTarget(state), target, phase);
  }
});

Deno.test("a decision is told again when it says something else, not for other figures", () => {
  const refused = (
    because: "hold-off" | "in-use",
    reason: string,
  ): Decision => ({ kind: "refuse", because, reason });
  const advised = (epoch: number): Decision => ({
    kind: "advise",
    to: "secondary",
    epoch,
    reason: `${Math.random()}`,
  });
  const same = (one: Decision, other: Decision) =>
    decisionKey(one) === decisionKey(other);
  assert.ok(same(refused("hold-off", "in 9 s"), refused("hold-off", "in 8 s")));
  assert.ok(!same(refused("hold-off", "x"), refused("in-use", "x")));
  assert.ok(same(advised(1), advised(1)));
  assert.ok(!same(advised(1), advised(2)));
  assert.ok(!same(advised(1), { kind: "stay" }));
});

Deno.test("what goes wrong again and again is told once, and when it is over", () => {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    write: ({ fields, message }) =>
      lines.push(`${message}: ${fields["reason"] ?? "-"}`),
  });
  const problems = new Problems(log);
  problems.over("vote");
  for (const reason of ["late", "late", "refused"]) {
    problems.say("vote", reason);
  }
  problems.over("vote");
  problems.over("vote");
  assert.deepEqual(lines, [
    "cannot vote, and tries again: late",
    "cannot vote, and tries again: refused",
    "can vote again: -",
  ]);
});

Deno.test("a sentinel is ready when it knows where clients belong and its vote is taken", () => {
  const ready = {
    failure: null,
    isVoting: true,
    phase: "running",
    state: STATE,
  } as const;
  assert.deepEqual(sentinelReadiness(ready), { ok: true });
  assert.equal(sentinelReadiness({ ...ready, state: null }).ok, false);
  assert.equal(sentinelReadiness({ ...ready, isVoting: false }).ok, false);
  assert.equal(sentinelReadiness({ ...ready, phase: "draining" }).ok, false);
  assert.equal(sentinelLiveness({ ...ready, phase: "draining" }).ok, true);
  const failing = { ...ready, phase: "failing", failure: "a bug" } as const;
  assert.deepEqual(sentinelLiveness(failing), { ok: false, reason: "a bug" });
});

Deno.test("a gateway is ready when it knows where clients belong, whether or not a vote is taken", () => {
  const ready = { failure: null, phase: "running", state: STATE } as const;
  assert.deepEqual(gatewayReadiness(ready), { ok: true });
  assert.equal(gatewayReadiness({ ...ready, state: null }).ok, false);
  assert.equal(gatewayReadiness({ ...ready, phase: "draining" }).ok, false);
});

Deno.test("each address of the gateway leads to the clusters' brokers, or to those that it names", () => {
  const clients = { admin: {}, producer: {}, consumer: {} };
  const addresses = addressesOf("a:1; b:2 = p1:3, p2:3 / s:3", {
    primary: { ...clients, brokers: ["p1:9", "p2:9"] },
    secondary: { ...clients, brokers: ["s:9"] },
  });
  assert.deepEqual(addresses, [
    { listen: "a:1", primary: ["p1:9", "p2:9"], secondary: ["s:9"] },
    { listen: "b:2", primary: ["p1:3", "p2:3"], secondary: ["s:3"] },
  ]);
});

Deno.test("the status is a table for people, and says what cannot be read", () => {
  const text = renderStatus({
    atMs: STATE.sinceMs,
    state: STATE,
    copies: {
      primary: { error: "no answer within 6000 ms" },
      secondary: { state: STATE },
    },
    votes: [{
      voter: "sentinel-a",
      kind: "sentinel",
      epoch: 7,
      health: { primary: "down", secondary: "healthy" },
      isProgressing: false,
      atMs: STATE.sinceMs,
      ageMs: 420,
    }],
    history: { error: "no such topic" },
  });
  assert.equal(
    text,
    `the secondary is active

copy on    epoch  active     phase   era  lanes  since                     reason
primary    cannot be read: no answer within 6000 ms
secondary  7      secondary  steady  1    4      2026-01-02T03:04:05.000Z  primary was down

voter       kind      primary  secondary  epoch  progress  age
sentinel-a  sentinel  down     healthy    7      -         0.4 s

the history cannot be read: no such topic`,
  );
});

Deno.test("the status of clusters without a state says so", () => {
  const text = renderStatus({
    atMs: 0,
    state: null,
    copies: { primary: { state: null }, secondary: { state: null } },
    votes: [],
    history: [],
  });
  assert.match(text, /^no state can be read: has a sentinel run/);
  assert.match(text, /\nno votes\n\nno history$/);
});
