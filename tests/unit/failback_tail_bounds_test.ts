import assert from "node:assert/strict";
import { offsetTable } from "../../dr/cut/types.ts";
import { tailBounds } from "../../dr/failback/tail_bounds.ts";

const tp = { topic: "t", partition: 0 };
const bounds = (
  { begin, end, next = 0, position = 10 }: {
    readonly begin: number | null;
    readonly end: number | null;
    readonly next?: number;
    readonly position?: number;
  },
) =>
  tailBounds(
    [{ ...tp, topicId: "id", position }],
    offsetTable([{ ...tp, offset: begin }]),
    offsetTable([{ ...tp, offset: end }]),
    () => next,
  );

Deno.test("a tail goes from where it was dealt with to the end", () => {
  const { notes, partitions: [tail], problems } = bounds({ begin: 0, end: 30 });
  assert.deepEqual([notes, problems], [[], []]);
  assert.deepEqual([tail!.start, tail!.end], [10, 30]);
  const [later] = bounds({ begin: 0, end: 30, next: 20 }).partitions;
  assert.equal(later!.start, 20);
});

Deno.test("what retention has deleted of a tail is said, also where that is all of it", () => {
  for (const end of [30, 25]) {
    const { notes, partitions: [tail] } = bounds({ begin: 25, end });
    assert.equal(tail!.start, 25);
    assert.match(notes.join(), /^up to 15 records of the tail of t /);
  }
  assert.deepEqual(bounds({ begin: 25, end: 30, next: 25 }).notes, []);
});

Deno.test("an end that is not known is no end at 0", () => {
  for (const odd of [{ begin: null, end: 5 }, { begin: 0, end: null }]) {
    const { partitions, problems } = bounds(odd);
    assert.deepEqual(partitions, []);
    assert.match(problems.join(), /not known; see that .* run it again/);
  }
});

Deno.test("a primary that has lost records is refused with what can be done", () => {
  const { problems } = bounds({ begin: 0, end: 5 });
  assert.match(problems.join(), /has lost records.*delete it on the primary/);
});
