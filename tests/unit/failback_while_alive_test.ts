import assert from "node:assert/strict";
import { whileAlive } from "../../dr/failback/while_alive.ts";
import { KafkaError } from "../../src/kafka/mod.ts";

const { signal } = new AbortController();
const timings = { lookMs: 1, askMs: 1_000, lostMs: 5 };
const cluster = { brokers: [], clusterId: null, controller: null };
const dead = new KafkaError("no answer", {
  code: -185,
  codeName: "_TIMED_OUT",
});
/** Works until it is told to end. */
const forEver = (its: AbortSignal) =>
  new Promise<never>((_, reject) =>
    its.addEventListener("abort", () => reject(its.reason))
  );

Deno.test("work that would wait for a dead cluster for good ends once the cluster is lost", async () => {
  const admin = { describeCluster: () => Promise.reject(dead) };
  await assert.rejects(
    whileAlive(admin, "the primary", forEver, signal, timings),
    /the primary does not answer any more \(no answer\)/,
  );
});

Deno.test("a cluster that answers now and then is not lost", async () => {
  let asked = 0;
  const enough = Promise.withResolvers<string>();
  const admin = {
    describeCluster: () => {
      if (++asked === 40) enough.resolve("done");
      return asked % 2 === 0 ? Promise.reject(dead) : Promise.resolve(cluster);
    },
  };
  const work = () => enough.promise;
  assert.equal(
    await whileAlive(admin, "the primary", work, signal, {
      ...timings,
      lostMs: 60_000,
    }),
    "done",
  );
});
