/** Partitions whose leader the client does not know yet are looked at again. */
import assert from "node:assert/strict";
import { endHanging, type HangingParts } from "../../dr/mirror/hanging.ts";
import {
  ErrorCode,
  KafkaError,
  type OffsetQuery,
} from "../../src/kafka/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { fakeClock } from "./support_clock.ts";

const SIGNAL = new AbortController().signal;
const TP = { topic: "orders", partition: 2 };
const LEADER_NOT_AVAILABLE = 5;
const refused = (code: number) => new KafkaError("no", { code, codeName: "" });

type Answer = number | KafkaError;

/**
 * How it ends where answers depend on the time and whether they tell what is
 * stable: whether something was aborted, or the error.
 */
async function endOf(
  answer: (atMs: number, isStable: boolean) => Answer,
  requestMs = 0,
): Promise<unknown> {
  using clock = fakeClock();
  const startMs = performance.now();
  const offsets = async (
    queries: readonly OffsetQuery[],
    { readCommitted }: { readonly readCommitted: boolean },
  ) => {
    await new Promise((resolve) => setTimeout(resolve, requestMs));
    const said = answer(performance.now() - startMs, readCommitted);
    const of = said instanceof KafkaError
      ? { offset: null, error: said }
      : { offset: said, error: null };
    return queries.map((each) => ({ ...each, ...of }));
  };
  let end: unknown;
  const parts = {
    admin: { partitions: { offsets } },
    foreign: new Set(),
    // Before it aborts, which takes a cluster.
    log: createLog({ level: "warn", write: () => end = true }),
  } as unknown as HangingParts;
  endHanging(parts, [TP], SIGNAL).then(
    (value) => end ??= value,
    (error) => end ??= error,
  );
  while (end === undefined && clock.timers > 0) await clock.tick(100);
  return end;
}

/** A target whose partitions are empty once `answers` are through. */
class Target {
  requests = 0;

  constructor(
    private readonly answers: ((KafkaError | "no leaders at all"))[],
  ) {}

  endHanging(): Promise<boolean> {
    const offsets = (queries: readonly OffsetQuery[]) => {
      this.requests++;
      const error = this.answers.shift() ?? null;
      if (error === "no leaders at all") {
        return Promise.reject(refused(ErrorCode.noEntry));
      }
      const offset = error === null ? 0 : null;
      return Promise.resolve(
        queries.map((each) => ({ ...each, offset, error })),
      );
    };
    const parts = {
      admin: { partitions: { offsets } },
      foreign: new Set(),
      log: createLog({ level: "info", write: () => {} }),
    } as unknown as HangingParts;
    return endHanging(parts, [TP], SIGNAL);
  }
}

Deno.test("a partition that nobody leads yet, or that the client does not know, is waited for", async () => {
  const target = new Target([
    "no leaders at all",
    "no leaders at all",
    refused(ErrorCode.unknownPartition),
    refused(ErrorCode.unknownPartition),
    refused(LEADER_NOT_AVAILABLE),
    refused(LEADER_NOT_AVAILABLE),
  ]);
  assert.equal(await target.endHanging(), false);
  // Both ends of it, in each of three rounds and in the last.
  assert.equal(target.requests, 8);
});

Deno.test("nothing is looked at again where all answer", async () => {
  const target = new Target([]);
  assert.equal(await target.endHanging(), false);
  assert.equal(target.requests, 2);
});

Deno.test("what will not pass is not waited for", async () => {
  const error = refused(ErrorCode.topicAuthorizationFailed);
  await assert.rejects(new Target([error, error]).endHanging(), error);
});

const UNLED = refused(LEADER_NOT_AVAILABLE);

Deno.test("who leads a partition may take longer to be known than a transaction may be open", async () => {
  assert.equal(await endOf((atMs) => atMs < 20_000 ? UNLED : 0), false);
});

Deno.test("a partition that nobody leads is not waited for without end", async () => {
  assert.equal(await endOf(() => UNLED), UNLED);
});

Deno.test("a transaction that stays open hangs", async () => {
  assert.equal(await endOf((_, isStable) => isStable ? 0 : 1), true);
});

Deno.test("a transaction that ends once it was seen does not hang, however late that was", async () => {
  const stable = (atMs: number) => atMs < 20_000 ? 0 : 1;
  assert.equal(
    await endOf((atMs, isStable) => isStable ? stable(atMs) : 1, 8_000),
    false,
  );
  assert.equal(
    await endOf((atMs, isStable) => {
      if (atMs < 18_000) return UNLED;
      return isStable ? stable(atMs) : 1;
    }),
    false,
  );
});
