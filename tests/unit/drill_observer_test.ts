import assert from "node:assert/strict";
import { mayAnswerYet } from "../../src/commands/drill/observer.ts";
import { ErrorCode, KafkaError, ReadError } from "../../src/kafka/mod.ts";

Deno.test("a cluster that has just started is asked again, and one that refuses is not", () => {
  const error = (code: number) => new KafkaError("no", { code, codeName: "" });
  for (
    const code of [
      ErrorCode.noEntry,
      ErrorCode.unknownTopicOrPartition,
      ErrorCode.transport,
    ]
  ) assert.ok(mayAnswerYet(error(code)), String(code));
  assert.ok(mayAnswerYet(new ReadError("no")));
  assert.ok(!mayAnswerYet(error(ErrorCode.topicAuthorizationFailed)));
  assert.ok(!mayAnswerYet(new TypeError("no")));
});
