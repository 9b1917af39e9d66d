import assert from "node:assert/strict";
import fc from "fast-check";
import { Ledger, LedgerFullError } from "../../src/redrive/ledger.ts";

/** A ledger that has read what another one wrote. */
function readAgain(ledger: Ledger, topicId = "id"): Ledger {
  const again = new Ledger(topicId);
  for (const { key, value } of ledger.takeChanged()) again.read(key, value);
  return again;
}

Deno.test("a new ledger knows of nothing", () => {
  const ledger = new Ledger("id");
  assert.equal(ledger.next(3), 0);
  assert.equal(ledger.has(3, 0), false);
  assert.deepEqual(ledger.takeChanged(), []);
});

Deno.test("what was put back is known, what was left is not, and reading begins at the first that was left", () => {
  const ledger = new Ledger("id");
  ledger.note(0, 0, true);
  ledger.note(0, 1, false);
  ledger.note(0, 2, true);
  const again = readAgain(ledger);
  assert.equal(again.next(0), 1);
  assert.deepEqual([0, 1, 2, 3].map((each) => again.has(0, each)), [
    true,
    false,
    true,
    false,
  ]);
});

Deno.test("offsets without a record go with the next record, so that they scatter nothing", () => {
  const ledger = new Ledger("id");
  for (const offset of [5, 7, 9]) ledger.note(0, offset, true);
  assert.equal(readAgain(ledger).next(0), 10);
});

Deno.test("what is noted of a topic that was deleted says nothing of its successor", () => {
  const ledger = new Ledger("old");
  ledger.note(0, 0, true);
  assert.equal(readAgain(ledger, "new").next(0), 0);
});

Deno.test("records that are not the ledger's are passed over", () => {
  const ledger = new Ledger("id");
  for (const value of [null, "", "{", "null", "{}", '{"topicId":"id"}']) {
    ledger.read("0", value);
  }
  assert.equal(ledger.next(0), 0);
});

Deno.test("only what has changed is written again", () => {
  const ledger = new Ledger("id");
  ledger.note(0, 0, true);
  ledger.note(1, 0, false);
  assert.deepEqual(ledger.takeChanged().map(({ key }) => key), ["0"]);
  assert.deepEqual(ledger.takeChanged(), []);
});

Deno.test("what is too scattered is refused, not forgotten", () => {
  const ledger = new Ledger("id");
  // Runs and bits are both too long.
  for (let offset = 1; offset < 4_000_000; offset += 9) {
    ledger.note(0, offset - 1, false);
    ledger.note(0, offset, true);
  }
  assert.throws(() => ledger.takeChanged(), LedgerFullError);
});

Deno.test("in any number of passes with any filters each letter is put back once", () => {
  const letters = fc.uniqueArray(fc.nat(60), { minLength: 1 })
    .map((each) => each.sort((one, other) => one - other));
  const passes = fc.array(fc.tuple(fc.nat(6), fc.integer({ min: 1, max: 7 })), {
    maxLength: 6,
  });
  fc.assert(fc.property(letters, passes, (letters, passes) => {
    const times = new Map<number, number>();
    let ledger = new Ledger("id");
    const pass = (isMeant: (offset: number) => boolean) => {
      const start = ledger.next(0);
      for (const offset of letters.filter((each) => each >= start)) {
        if (ledger.has(0, offset)) continue;
        const isChosen = isMeant(offset);
        ledger.note(0, offset, isChosen);
        if (isChosen) times.set(offset, (times.get(offset) ?? 0) + 1);
      }
      const notes = ledger.takeChanged();
      const next = new Ledger("id");
      // Those of earlier passes are in the topic too.
      for (const { key, value } of [...kept, ...notes]) next.read(key, value);
      kept.push(...notes);
      ledger = next;
    };
    const kept: { key: string; value: string }[] = [];
    for (const [rest, divisor] of passes) {
      pass((offset) => offset % divisor === rest % divisor);
      const meant = letters.filter((each) => each % divisor === rest % divisor);
      assert.ok(meant.every((each) => times.get(each) === 1));
    }
    pass(() => true);
    assert.deepEqual([...times.keys()].sort((a, b) => a - b), letters);
    assert.ok([...times.values()].every((each) => each === 1));
  }));
});
