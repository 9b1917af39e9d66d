import assert from "node:assert/strict";
import type { OffsetsAdmin } from "../../dr/cut/requests.ts";
import { drained } from "../../dr/failover/drained.ts";
import { FailoverError } from "../../dr/failover/errors.ts";

const { signal } = new AbortController();
const partitions = [0, 1].map((partition) => ({ topic: "t", partition }));

/** By partition: the end, and the last stable offsets that are told in turn. */
function target(ends: readonly number[], stable: readonly number[][]) {
  const asked = [0, 0];
  const offsets: OffsetsAdmin["partitions"]["offsets"] = (queries, options) =>
    Promise.resolve(queries.map(({ partition, topic }) => {
      const told = stable[partition]!;
      const offset = options.readCommitted
        ? told[Math.min(asked[partition]!++, told.length - 1)]!
        : ends[partition]!;
      return {
        topic,
        partition,
        offset,
        timestampMs: null,
        leaderEpoch: null,
        error: null,
      };
    }));
  return { asked, admin: { partitions: { offsets } } };
}

const parts = { partitions, requestMs: 1_000 };
const never = () => assert.fail("nothing hangs");

Deno.test("partitions are waited for until all that was written can be read", async () => {
  const { admin, asked } = target([5, 9], [[3, 3, 5], [9]]);
  await drained({ ...parts, admin, endHanging: never }, signal);
  assert.deepEqual(asked, [3, 1]);
});

Deno.test("where transactions hang they are ended, once, and waited for again", async () => {
  const { admin } = target([5, 9], [[2, 2, 2, 5], [9]]);
  const ended: unknown[] = [];
  await drained({
    ...parts,
    admin,
    endHanging: (open) => {
      ended.push(open);
      return Promise.resolve();
    },
    timings: { hangingMs: 0, patienceMs: 60_000, lookMs: 0 },
  }, signal);
  assert.deepEqual(ended, [[{ topic: "t", partition: 0 }]]);
});

Deno.test("a partition without a leader is asked for its end again, and is waited for no longer than others", async () => {
  let asked = 0;
  const { admin } = target([5, 9], [[5], [9]]);
  const leaderless: OffsetsAdmin["partitions"]["offsets"] = async (
    queries,
    options,
  ) =>
    (await admin.partitions.offsets(queries, options)).map((each) =>
      each.partition === 1 && asked++ < until ? { ...each, offset: null } : each
    );
  let until = 4;
  const timings = { hangingMs: 60_000, patienceMs: 60_000, lookMs: 0 };
  const waiting = {
    ...parts,
    admin: { partitions: { offsets: leaderless } },
    endHanging: never,
    timings,
  };
  await drained(waiting, signal);
  assert.ok(asked > until);
  until = Infinity;
  const short = { hangingMs: 0, patienceMs: 20, lookMs: 0 };
  await assert.rejects(
    drained({ ...waiting, timings: short }, signal),
    /^FailoverError: t \[1\] cannot be read/,
  );
});

Deno.test("what stays open is named, with what to do", async () => {
  const { admin } = target([5, 9], [[5], [8]]);
  const timings = { hangingMs: 0, patienceMs: 0, lookMs: 0 };
  const waiting = drained({
    ...parts,
    admin,
    endHanging: () => Promise.resolve(),
    timings,
  }, signal);
  await assert.rejects(
    waiting,
    (error) =>
      error instanceof FailoverError && error.kind === "failed" &&
      /^t \[1\] cannot be read to the end: end the producers/.test(
        error.message,
      ) &&
      error.message.endsWith(
        'kafka-transactions.sh --bootstrap-server "$BROKERS" abort ' +
          "--topic t --partition 1 --start-offset 8",
      ),
  );
});
