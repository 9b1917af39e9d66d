import assert from "node:assert/strict";
import {
  type OffsetAnswer,
  type OffsetQuery,
  withSilence,
} from "../../src/kafka/admin/partitions.ts";

const answer = (offset: number | null, error: OffsetAnswer["error"] = null) => (
  {
    topic: "logins",
    partition: 3,
    offset,
    timestampMs: null,
    leaderEpoch: null,
    error,
  }
);
const asked = (
  at: OffsetQuery["at"],
) => [{ topic: "logins", partition: 3, at }];

Deno.test("a leader that does not say where a log begins or ends has not answered, which may be asked again", () => {
  for (const at of ["earliest", "latest"] as const) {
    const [silent] = withSilence(asked(at), [answer(null)]);
    assert.ok(silent!.error?.retriable);
    const [said] = withSilence(asked(at), [answer(0)]);
    assert.deepEqual(said, answer(0));
  }
});

Deno.test("that no record is as new as a time is an answer", () => {
  for (const at of [5, "maxTimestamp"] as const) {
    const [said] = withSilence(asked(at), [answer(null)]);
    assert.equal(said!.error, null);
  }
});
