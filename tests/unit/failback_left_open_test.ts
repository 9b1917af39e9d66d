import assert from "node:assert/strict";
import { poolIds, transactionalIdIn } from "../../dr/failback/left_open.ts";

Deno.test("pools' transactional ids are those of a group, an instance and a number", () => {
  const ids = new Set([
    "logins-host-0-0",
    "logins-host-0-12",
    "logins-host-1-0",
    "logins-host-0-0-x",
    "logins-host-0",
    "switchyard-state",
    "logins-sentinel-0",
    "a/b-host-0-7",
  ]);
  const votes = [
    { kind: "pool", voter: "logins/host-0/life" },
    { kind: "pool", voter: "logins/host-0/another" },
    { kind: "pool", voter: "a/b/host-0/life" },
    { kind: "sentinel", voter: "logins/sentinel/life" },
    { kind: "pool", voter: "nonsense" },
  ] as const;
  assert.deepEqual(poolIds(votes, ids), [
    { group: "logins", transactionalId: "logins-host-0-0" },
    { group: "logins", transactionalId: "logins-host-0-12" },
    { group: "a/b", transactionalId: "a/b-host-0-7" },
  ]);
});

Deno.test("the coordinators' log names ids, and what it is not known to say is left out", () => {
  assert.equal(transactionalIdIn(Uint8Array.of(0, 0, 0, 2, 0x69, 0x64)), "id");
  assert.equal(transactionalIdIn(Uint8Array.of(0, 1, 0, 2, 0x69, 0x64)), null);
  assert.equal(transactionalIdIn(Uint8Array.of(0, 0, 0, 3, 0x69, 0x64)), null);
  assert.equal(transactionalIdIn(new Uint8Array()), null);
});
