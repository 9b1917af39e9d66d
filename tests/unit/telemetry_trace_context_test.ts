import assert from "node:assert/strict";
import fc from "fast-check";
import { isTraceKept, SpanIds } from "../../src/telemetry/span_ids.ts";
import {
  formatTraceparent,
  parseTraceparent,
} from "../../src/telemetry/trace_context.ts";

const digits = (count: number) =>
  fc.string({
    unit: fc.constantFrom(..."0123456789abcdef"),
    minLength: count,
    maxLength: count,
  }).filter((text) => /[^0]/.test(text));
const context = fc.record({
  traceId: digits(32),
  spanId: digits(16),
  isSampled: fc.boolean(),
}, { noNullPrototype: true });
/** The example of the specification. */
const EXAMPLE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const seeded = (seed: number) => new SpanIds(Uint32Array.of(seed, 1, 2, 3));

Deno.test("a trace context that is written is read as it was", () => {
  fc.assert(fc.property(context, (each) => {
    assert.deepEqual(parseTraceparent(formatTraceparent(each)), each);
  }));
});

Deno.test("the example of the specification is read", () => {
  assert.deepEqual(parseTraceparent(EXAMPLE), {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    isSampled: true,
  });
});

Deno.test("other flags than that of sampling decide nothing", () => {
  for (const [flags, isSampled] of [["02", false], ["03", true]] as const) {
    const text = EXAMPLE.replace(/01$/, flags);
    assert.equal(parseTraceparent(text)?.isSampled, isSampled);
  }
});

for (
  const [what, text] of Object.entries({
    "that is empty": "",
    "with capital letters": EXAMPLE.toUpperCase(),
    "of the version that is none": EXAMPLE.replace(/^00/, "ff"),
    "without a trace": EXAMPLE.replace(/-0af\w+-/, `-${"0".repeat(32)}-`),
    "without a span": EXAMPLE.replace(/-b7\w+-/, `-${"0".repeat(16)}-`),
    "with more than its version has": `${EXAMPLE}-more`,
    "that is too short": EXAMPLE.slice(0, -1),
    "with a space": ` ${EXAMPLE}`,
  })
) {
  Deno.test(`a header ${what} is no trace context`, () => {
    assert.equal(parseTraceparent(text), null);
  });
}

Deno.test("later versions may say more", () => {
  const text = `${EXAMPLE.replace(/^00/, "01")}-more`;
  assert.equal(parseTraceparent(text)?.spanId, "b7ad6b7169203331");
});

Deno.test("no text makes reading fail, and what is read is well formed", () => {
  const near = fc.tuple(fc.nat(EXAMPLE.length), fc.string()).map((
    [at, text],
  ) => EXAMPLE.slice(0, at) + text + EXAMPLE.slice(at + text.length));
  fc.assert(fc.property(fc.oneof(fc.string(), near), (text) => {
    const read = parseTraceparent(text);
    if (read === null) return;
    assert.match(read.traceId, /^[0-9a-f]{32}$/);
    assert.match(read.spanId, /^[0-9a-f]{16}$/);
  }));
});

Deno.test("ids have the form that the specification asks for, and differ", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const ids = seeded(seed);
      const seen = new Set<string>();
      for (let trace = 0; trace < 20; trace++) {
        const made = ids.trace(1)!;
        assert.deepEqual(
          parseTraceparent(formatTraceparent({ ...made, isSampled: true })),
          { ...made, isSampled: true },
        );
        seen.add(made.traceId).add(made.spanId);
      }
      assert.equal(seen.size, 40);
    }),
    { numRuns: 50 },
  );
});

Deno.test("about as many traces are kept as the ratio says, none of 0 and all of 1", () => {
  const ratio = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.nat(), ratio, (seed, ratio) => {
      const ids = seeded(seed);
      const tries = 2000;
      let kept = 0;
      for (let each = 0; each < tries; each++) {
        if (ids.trace(ratio) !== null) kept++;
      }
      if (ratio === 0) assert.equal(kept, 0);
      if (ratio === 1) assert.equal(kept, tries);
      // Six standard deviations.
      const most = 6 * Math.sqrt(tries * ratio * (1 - ratio)) + 1;
      assert.ok(Math.abs(kept - tries * ratio) <= most, `${kept} of ${tries}`);
    }),
    { numRuns: 50 },
  );
});

Deno.test("whoever asks of a trace again with a ratio that is not smaller keeps it as well", () => {
  const ratio = fc.double({ min: 0.01, max: 1, noNaN: true });
  fc.assert(fc.property(fc.nat(), ratio, ratio, (seed, one, other) => {
    const [least, most] = [Math.min(one, other), Math.max(one, other)];
    const made = seeded(seed).trace(least);
    if (made === null) return;
    assert.ok(isTraceKept(made.traceId, least));
    assert.ok(isTraceKept(made.traceId, most));
  }));
});
