import assert from "node:assert/strict";
import { readTexts } from "../../dr/mirror/lane_state.ts";
import {
  type Admin,
  ErrorCode,
  KafkaError,
  type Library,
} from "../../src/kafka/mod.ts";

Deno.test("what a partition has is asked for again while it has no leader", async () => {
  const leaderless = new KafkaError("no leader", {
    code: ErrorCode.noEntry,
    codeName: "_NOENT",
  });
  let asked = 0;
  const admin = {
    partitionCounts: () => Promise.resolve(new Map([["t", 1]])),
    partitions: {
      offsets: () => {
        const error = asked++ === 0 ? leaderless : null;
        return Promise.resolve([{
          topic: "t",
          partition: 0,
          offset: 0,
          error,
        }]);
      },
    },
  } as unknown as Admin;
  const flow = { source: "primary", target: "secondary" };
  // It is empty, so that nothing is read.
  const library = {} as Library;
  await readTexts(
    { admin, consumer: {}, flow, library },
    "t",
    () => assert.fail("there is no record"),
    new AbortController().signal,
  );
  assert.ok(asked > 1);
});
