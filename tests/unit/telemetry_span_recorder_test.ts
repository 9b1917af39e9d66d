import assert from "node:assert/strict";
import { recorded, SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import { SpanBuffer } from "../../src/telemetry/span_buffer.ts";
import type { Span } from "../../src/telemetry/spans.ts";

function recording(ratio?: number) {
  const spans: Span[] = [];
  let nowMs = 0;
  const recorder = new SpanRecorder({
    sink: (some) => spans.push(...some),
    now: () => nowMs++,
    ...ratio === undefined ? {} : { ratio },
  });
  return { recorder, spans };
}

Deno.test("work within work is a span within its span, in one trace", async () => {
  const { recorder, spans } = recording();
  const result = await recorded(
    recorder,
    { name: "outer", attributes: { a: 1 } },
    async (within) =>
      await recorded(within, { name: "inner" }, () => Promise.resolve(7)),
  );
  assert.equal(result, 7);
  const [inner, outer] = spans;
  assert.deepEqual([inner!.name, outer!.name], ["inner", "outer"]);
  assert.equal(inner!.traceId, outer!.traceId);
  assert.equal(inner!.parentSpanId, outer!.spanId);
  assert.equal(outer!.parentSpanId, null);
  assert.deepEqual(outer!.attributes, { a: 1 });
  assert.deepEqual(
    [outer, inner].map((each) => [each!.startMs, each!.endMs]),
    [[0, 3], [1, 2]],
  );
});

Deno.test("work that fails fails as it would, and its span says so", async () => {
  const { recorder, spans } = recording();
  await assert.rejects(
    recorded(recorder, { name: "it" }, () => Promise.reject(new Error("no"))),
    /^Error: no$/,
  );
  assert.deepEqual(spans.map(({ error }) => error), ["no"]);
});

Deno.test("where nobody takes spans there is only the work", async () => {
  for (const nobody of [null, undefined]) {
    const within = await recorded(
      nobody,
      { name: "it" },
      (within) => Promise.resolve(within),
    );
    assert.equal(within, null);
  }
});

Deno.test("what is frequent is kept by the ratio, what is rare always, and of a ratio of 0 nothing", async () => {
  const { recorder, spans } = recording(1e-12);
  const frequent = { name: "frequent", isFrequent: true };
  await recorder.record(frequent, () => Promise.resolve());
  await recorder.record({ name: "rare" }, () => Promise.resolve());
  assert.deepEqual(spans.map(({ name }) => name), ["rare"]);
  const none = recording(0);
  await none.recorder.record({ name: "rare" }, () => Promise.resolve());
  assert.deepEqual(none.spans, []);
});

Deno.test("what is too much for a buffer is dropped and counted, until it is emptied", () => {
  const buffer = new SpanBuffer(2);
  const span = { name: "it" } as Span;
  assert.equal(buffer.take(), null);
  for (let each = 0; each < 5; each++) buffer.add(span);
  assert.deepEqual(buffer.take(), { spans: [span, span], dropped: 3 });
  assert.equal(buffer.take(), null);
  buffer.add(span);
  assert.deepEqual(buffer.take(), { spans: [span], dropped: 0 });
});
