import assert from "node:assert/strict";
import { Serial } from "../../src/pool/serial.ts";

Deno.test("actions run one after another in the order they came", async () => {
  const serial = new Serial();
  const seen: string[] = [];
  const gates = Array.from(
    { length: 3 },
    () => Promise.withResolvers<void>(),
  );
  const results = gates.map(({ promise }, index) =>
    serial.run(async () => {
      seen.push(`${index} begins`);
      await promise;
      seen.push(`${index} ends`);
      return index;
    })
  );
  for (const gate of gates.toReversed()) gate.resolve();
  assert.deepEqual(await Promise.all(results), [0, 1, 2]);
  assert.deepEqual(seen, [
    "0 begins",
    "0 ends",
    "1 begins",
    "1 ends",
    "2 begins",
    "2 ends",
  ]);
});

Deno.test("an action that fails tells its caller and keeps no other from running", async () => {
  const serial = new Serial();
  const failed = serial.run(() => Promise.reject(new Error("no")));
  const next = serial.run(() => Promise.resolve("went on"));
  await assert.rejects(failed, /^Error: no$/);
  assert.equal(await next, "went on");
});

Deno.test("an action that throws before it returns a promise is a failed one", async () => {
  const serial = new Serial();
  const failed = serial.run(() => {
    throw new Error("at once");
  });
  await assert.rejects(failed, /at once/);
  assert.equal(await serial.run(() => Promise.resolve(1)), 1);
});

Deno.test("idle waits for what was started before it, failed or not", async () => {
  const serial = new Serial();
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  const first = serial.run(() => gate.promise);
  const second = serial.run(() => Promise.reject(new Error("no")));
  const idle = serial.idle().then(() => seen.push("idle"));
  // All that does not wait for the gate has run after this.
  await new Promise((resolve) => setTimeout(resolve));
  seen.push("gate opens");
  gate.reject(new Error("neither"));
  await assert.rejects(first);
  await assert.rejects(second);
  await idle;
  assert.deepEqual(seen, ["gate opens", "idle"]);
});
