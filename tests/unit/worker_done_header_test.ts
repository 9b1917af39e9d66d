import assert from "node:assert/strict";
import fc from "fast-check";
import type { DonePart } from "../../src/pool/done_outputs.ts";
import { doneText, parseDone } from "../../workers/done_header.ts";

const parts: fc.Arbitrary<DonePart[]> = fc.array(
  fc.record({
    output: fc.stringMatching(/^[a-zA-Z0-9._-]{1,249}$/),
    count: fc.nat(1000),
    ordinals: fc.array(fc.nat(1000), { minLength: 1 }),
  }, { noNullPrototype: true }),
  { minLength: 1 },
);

Deno.test("what is there of an input comes back as it was written", () => {
  fc.assert(fc.property(parts, (each) => {
    assert.deepEqual(parseDone(doneText(each)), each);
  }));
});

Deno.test("it is written as the documents say", () => {
  const text = doneText([
    { output: "out", count: 3, ordinals: [0, 2] },
    { output: "audit", count: 3, ordinals: [1] },
  ]);
  assert.equal(text, "out/3/0,2;audit/3/1");
});

Deno.test("text that nobody has written so tells nothing", () => {
  for (const text of ["", "out", "out/3/", "out/3/0,", "/3/0", "out/x/0"]) {
    assert.deepEqual(parseDone(text), []);
  }
});
