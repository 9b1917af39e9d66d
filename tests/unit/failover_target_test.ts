import assert from "node:assert/strict";
import { newestState } from "../../dr/failover/target.ts";
import {
  type Copies,
  type Copy,
  STATE_TOPIC,
  StateError,
} from "../../dr/state/mod.ts";
import { KafkaError } from "../../src/kafka/mod.ts";
import { fakeClock } from "./support_clock.ts";
import { STEADY } from "./support_failover_world.ts";

const { signal } = new AbortController();
const MINUTE = 60_000;
const admin = {
  partitionCounts: () => Promise.resolve(new Map([[STATE_TOPIC, 1]])),
};
const read: Copy = { kind: "read", newest: STEADY, offset: 0, unreadable: [] };
const failed = (error: Error): Copy => ({ kind: "failed", error });
const late = failed(new StateError("failed", "no answer within 3000 ms"));
const denied = failed(
  new KafkaError("not allowed", {
    code: 29,
    codeName: "TOPIC_AUTHORIZATION_FAILED",
  }),
);

/** What the secondary says when it is asked again and again; the last for good. */
function store(...secondary: readonly Copy[]) {
  const counted = { reads: 0 };
  return {
    counted,
    read(): Promise<Copies> {
      const at = Math.min(counted.reads++, secondary.length - 1);
      const copies = {
        primary: read,
        secondary: secondary[at]!,
        newest: STEADY,
      };
      return Promise.resolve(copies);
    },
  };
}

Deno.test("a secondary that does not say at once where it stands is asked again", async () => {
  assert.equal(await newestState(admin, store(late, read), signal), STEADY);
});

Deno.test("a secondary that never says where it stands is not asked for ever", async () => {
  using clock = fakeClock();
  const asked = assert.rejects(
    newestState(admin, store(late), signal),
    /no answer within/,
  );
  await clock.tick(MINUTE);
  await asked;
});

Deno.test("what a secondary forbids it is not asked again", async () => {
  const { counted, ...refusing } = store(denied, read);
  await assert.rejects(newestState(admin, refusing, signal), /not allowed/);
  assert.equal(counted.reads, 1);
});
