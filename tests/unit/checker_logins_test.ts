import assert from "node:assert/strict";
import { judgeLogins } from "../checker/mod.ts";
import type { KafkaRecord } from "../support/independent_client.ts";
import { expectedLogin } from "../support/job_checker.ts";
import { loginRecord } from "../support/login_fixture.ts";

const encoder = new TextEncoder();
const options = { seed: 3, malformedShare: 0.3 };
const judge = judgeLogins(options);

function outputOf(id: number, change: Record<string, unknown> = {}) {
  const { key, value } = loginRecord(id, options);
  const expected = expectedLogin(value);
  assert.equal(expected.kind, "output");
  const fields = expected.kind === "output" ? expected.fields : {};
  const processed_at = new Date().toISOString();
  return {
    partition: 0,
    offset: 0,
    timestampMs: 0,
    headers: [],
    key: encoder.encode(key),
    value: encoder.encode(
      JSON.stringify({ ...fields, processed_at, ...change }),
    ),
  } satisfies KafkaRecord;
}

const ids = Array.from({ length: 100 }, (_, id) => id);
const isValid = (id: number) => loginRecord(id, options).kind === "valid";
const valid = ids.find(isValid)!;
const malformed = ids.find((id) => !isValid(id))!;

Deno.test("what the reference job must write is not corrupt", () => {
  for (const id of ids.filter(isValid)) {
    assert.equal(judge(id, "output", outputOf(id)), undefined);
  }
  const record = outputOf(valid);
  assert.equal(judge(malformed, "dead letter", record), undefined);
  assert.equal(judge(malformed, "retry", record), undefined);
});

Deno.test("other contents, of another input, or where none must be, are corrupt", () => {
  const output = outputOf(valid);
  const empty = { ...output, value: null };
  assert.match(judge(valid, "output", outputOf(valid, { ip: "?" }))!, /is not/);
  assert.match(judge(valid, "output", { ...output, key: null })!, /key/);
  assert.match(judge(valid, "output", empty)!, /no JSON/);
  assert.match(judge(malformed, "output", output)!, /not valid/);
  assert.match(judge(valid, "dead letter", output)!, /is valid/);
  assert.match(judge("x", "output", output)!, /no login/);
});
