/** Partitions whose leader the client does not know yet are looked at again. */
import assert from "node:assert/strict";
import { endHanging, type HangingParts } from "../../dr/mirror/hanging.ts";
import {
  ErrorCode,
  KafkaError,
  type OffsetQuery,
} from "../../src/kafka/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";

const SIGNAL = new AbortController().signal;
const TP = { topic: "orders", partition: 2 };
const LEADER_NOT_AVAILABLE = 5;
const refused = (code: number) => new KafkaError("no", { code, codeName: "" });

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
