import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Coordinates,
  coordinatesFrom,
  coordinatesIn,
  parseCoordinates,
} from "../../src/pool/coordinates.ts";
import { encodeCoordinates } from "../support/coordinates_text.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,22}$/);
const offset = fc.nat(Number.MAX_SAFE_INTEGER);

const coordinates: fc.Arbitrary<Coordinates> = fc.record({
  clusterId: id,
  topicId: id,
  partition: fc.nat(2 ** 31 - 1),
  offset,
  ordinal: fc.nat(1000),
  more: fc.option(fc.integer({ min: 1, max: 1000 })),
  outputTopic: fc.stringMatching(/^[a-zA-Z0-9._-]{1,249}$/),
  group: fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("a/0/1", "/", "line\nend", "", "0/1/2/3/4/5/6"),
  ),
}).map(({ more, ...rest }) => ({
  ...rest,
  count: more === null ? 0 : rest.ordinal + more,
}));

const SAMPLE: Coordinates = {
  clusterId: "5L6g3nShT-eMCtK--X86sw",
  topicId: "uj5dfKEIQpyVvT_MQs-Mzw",
  partition: 3,
  offset: 41,
  ordinal: 1,
  count: 3,
  outputTopic: "logins.processed",
  group: "shop/eu",
};

Deno.test("coordinates come back as they were written, whatever the group is called", () => {
  fc.assert(fc.property(coordinates, (each) => {
    assert.deepEqual(parseCoordinates(encodeCoordinates(each)), each);
  }));
});

Deno.test("coordinates are written as the documents say", () => {
  assert.equal(
    encodeCoordinates(SAMPLE),
    "5L6g3nShT-eMCtK--X86sw/uj5dfKEIQpyVvT_MQs-Mzw/3/41/1/3/logins.processed/shop/eu",
  );
});

Deno.test("coordinates that are passed on to another topic say nothing there, whatever a mirror calls it", () => {
  const text = encodeCoordinates(SAMPLE);
  const prefixed = (topic: string) => `primary.${topic}`;
  assert.deepEqual(coordinatesIn("logins.processed", text), SAMPLE);
  assert.equal(coordinatesIn("enriched", text), null);
  assert.deepEqual(
    coordinatesIn("primary.logins.processed", text, prefixed),
    SAMPLE,
  );
  for (const topic of ["primary.enriched", "logins.processed"]) {
    assert.equal(coordinatesIn(topic, text, prefixed), null);
  }
});

Deno.test("what was put together for a partition writes each of its offsets", () => {
  fc.assert(fc.property(coordinates, offset, (each, other) => {
    const write = coordinatesFrom(each);
    write(other, 0, 0, "out");
    assert.equal(
      write(each.offset, each.ordinal, each.count, each.outputTopic),
      encodeCoordinates(each),
    );
  }));
});

Deno.test("text that nobody has written so is no coordinates", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const read = parseCoordinates(text);
    if (read !== null) assert.equal(encodeCoordinates(read), text);
  }));
});

for (
  const [what, text] of [
    ["nothing", ""],
    ["too few parts", "c/t/0/1/0/1/out"],
    ["no cluster", "/t/0/1/0/1/out/g"],
    ["no topic", "c//0/1/0/1/out/g"],
    ["a negative offset", "c/t/0/-1/0/1/out/g"],
    ["a number that is written otherwise", "c/t/0/01/0/1/out/g"],
    ["a fraction", "c/t/0/1.5/0/1/out/g"],
    ["an offset that is no safe integer", "c/t/0/9007199254740993/0/1/out/g"],
    ["a partition that no topic has", "c/t/2147483648/0/0/1/out/g"],
    ["an ordinal that is not below the count", "c/t/0/1/3/3/out/g"],
    ["no output topic", "c/t/0/1/0/1//g"],
  ] as const
) {
  Deno.test(`${what} is no coordinates`, () => {
    assert.equal(parseCoordinates(text), null);
  });
}

Deno.test("an id that could not be told from the next part is refused", () => {
  for (const clusterId of ["", "a/b"]) {
    assert.throws(() => coordinatesFrom({ ...SAMPLE, clusterId }), TypeError);
  }
  assert.throws(() => coordinatesFrom({ ...SAMPLE, topicId: "/" }), TypeError);
});
