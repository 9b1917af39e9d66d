import assert from "node:assert/strict";
import fc from "fast-check";
import { Coalesced } from "../../dr/topics/coalesced.ts";

/** Requests that end when the test says so. */
function requests() {
  const open: { keys: readonly string[]; end: PromiseWithResolvers<number> }[] =
    [];
  const coalesced = new Coalesced<string, number>((keys) => {
    const end = Promise.withResolvers<number>();
    open.push({ keys, end });
    return end.promise;
  });
  return { open, coalesced };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("those who ask while a request runs share the next one, which names each key once", async () => {
  const { open, coalesced } = requests();
  const first = coalesced.ask(["a"]);
  await settled();
  const others = [coalesced.ask(["b", "c"]), coalesced.ask(["c", "a"])];
  await settled();
  assert.deepEqual(open.map(({ keys }) => keys), [["a"]]);

  open[0]!.end.resolve(1);
  assert.equal(await first, 1);
  await settled();
  assert.deepEqual(open[1]!.keys.toSorted(), ["a", "b", "c"]);
  open[1]!.end.resolve(2);
  assert.deepEqual(await Promise.all(others), [2, 2]);
  assert.equal(open.length, 2);
});

Deno.test("a request that fails fails those who shared it and nobody else", async () => {
  const { open, coalesced } = requests();
  const first = coalesced.ask(["a"]);
  await settled();
  const second = coalesced.ask(["b"]);
  open[0]!.end.reject(new Error("no answer"));
  await assert.rejects(first, /no answer/);
  await settled();
  open[1]!.end.resolve(2);
  assert.equal(await second, 2);
});

Deno.test("an answer never comes from a request that started before the question, and one runs at a time", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.constantFrom("ask", "end", "fail", "wait"), { maxLength: 40 }),
    async (steps) => {
      let started = 0;
      let running = 0;
      let end: PromiseWithResolvers<void> | undefined;
      const coalesced = new Coalesced<number, {
        number: number;
        keys: readonly number[];
      }>(async (keys) => {
        assert.equal(++running, 1);
        const number = ++started;
        end = Promise.withResolvers();
        try {
          await end.promise;
        } finally {
          running--;
        }
        return { number, keys };
      });
      const asked: Promise<unknown>[] = [];
      for (const [key, step] of steps.entries()) {
        if (step === "ask") {
          const before = started;
          asked.push(
            coalesced.ask([key]).then(({ number, keys }) => {
              assert.ok(number > before);
              assert.ok(keys.includes(key));
            }, (error) => assert.match(error.message, /failed/)),
          );
        } else if (step === "end") end?.resolve();
        else if (step === "fail") end?.reject(new Error("failed"));
        else await settled();
      }
      let over = false;
      const all = Promise.all(asked).finally(() => over = true);
      while (!over) {
        end?.resolve();
        await settled();
      }
      await all;
    },
  ));
});
