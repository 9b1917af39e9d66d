import assert from "node:assert/strict";
import fc from "fast-check";
import { parsePlaces, type Place, placesText } from "../../src/pool/places.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,22}$/);
const place: fc.Arbitrary<Place> = fc.record({
  clusterId: id,
  topicId: id,
  partition: fc.nat(2 ** 31 - 1),
  offset: fc.nat(Number.MAX_SAFE_INTEGER),
}, { noNullPrototype: true });

Deno.test("the places of a record come back, the latest first, and no more than sixteen", () => {
  fc.assert(fc.property(fc.array(place, { minLength: 1 }), (places) => {
    let text: string | null = null;
    for (const each of places) text = placesText(each, text);
    assert.deepEqual(parsePlaces(text!), places.toReversed().slice(0, 16));
  }));
});

Deno.test("text that nobody has written so tells no place", () => {
  for (const text of ["", "c/t/0", "c/t/0/1,", "c/t/0/-1", "c/t/0/1,x"]) {
    assert.deepEqual(parsePlaces(text), []);
  }
});
