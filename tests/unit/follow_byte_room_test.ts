import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteRoom } from "../../dr/follow/byte_room.ts";

const { signal } = new AbortController();

Deno.test("no more is taken than the limit, but by one alone, and nobody overtakes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 40 }),
      fc.array(fc.nat(), { maxLength: 40 }),
      async (sizes, returns) => {
        const room = new ByteRoom(10);
        const inside: number[] = [];
        const admitted: number[] = [];
        const waits = sizes.map(async (bytes, at) => {
          await room.take(bytes, signal);
          inside.push(bytes);
          admitted.push(at);
        });
        const settle = () => new Promise((resolve) => setImmediate(resolve));
        const leave = (which: number) => {
          const [bytes] = inside.splice(which % inside.length, 1);
          room.giveBack(bytes!);
        };
        await settle();
        for (const which of returns) {
          if (inside.length > 0) leave(which);
          await settle();
          const sum = inside.reduce((one, other) => one + other, 0);
          assert.equal(room.taken, sum);
          assert.ok(
            sum <= 10 || inside.filter((bytes) => bytes > 0).length === 1,
          );
        }
        while (admitted.length < sizes.length) {
          leave(0);
          await settle();
        }
        await Promise.all(waits);
        assert.deepEqual(admitted, [...sizes.keys()]);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("who gives up takes nothing, and lets those behind in", async () => {
  const room = new ByteRoom(10);
  await room.take(6, signal);
  const given = new AbortController();
  const large = room.take(9, given.signal);
  const small = room.take(4, signal);
  given.abort(new Error("given up"));
  await assert.rejects(large, /given up/);
  await small;
  assert.equal(room.taken, 10);
  await assert.rejects(room.take(1, given.signal), /given up/);
});

Deno.test("all who wait can be sent away", async () => {
  const room = new ByteRoom(1);
  await room.take(1, signal);
  const waiting = room.take(1, signal);
  room.refuseAll(new Error("closed"));
  await assert.rejects(waiting, /closed/);
  room.giveBack(1);
  assert.equal(room.taken, 0);
});

Deno.test("a limit that is none is refused", () => {
  for (const limit of [0, -1, NaN]) {
    assert.throws(() => new ByteRoom(limit), RangeError);
  }
});
