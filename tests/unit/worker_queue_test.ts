import assert from "node:assert/strict";
import fc from "fast-check";
import { Queue } from "../../workers/queue.ts";

Deno.test("a queue gives back what it was given, in that order", () => {
  fc.assert(fc.property(
    fc.array(fc.boolean(), { maxLength: 200 }),
    (pushes) => {
      const queue = new Queue<{ readonly number: number }>();
      const model: { readonly number: number }[] = [];
      pushes.forEach((push, number) => {
        if (push) {
          queue.push({ number });
          model.push({ number });
        } else {
          assert.deepEqual(queue.shift(), model.shift());
        }
      });
      while (model.length > 0) {
        assert.deepEqual(queue.shift(), model.shift());
      }
      assert.equal(queue.shift(), undefined);
    },
  ));
});
