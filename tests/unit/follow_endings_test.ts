import assert from "node:assert/strict";
import { Endings } from "../../dr/follow/endings.ts";

const NEVER = new Promise<void>(() => {});

Deno.test("nobody waits beyond the bound for what does not end, and it is told", async () => {
  const late: string[] = [];
  const endings = new Endings(5, () => {}, (cluster) => late.push(cluster));
  endings.add("primary", NEVER);
  endings.add("secondary", Promise.resolve());
  await endings.of("secondary");
  assert.deepEqual(late, []);
  await endings.all();
  assert.deepEqual(late, ["primary"]);
});

Deno.test("what ends in time is waited for, well or not", async () => {
  const late: string[] = [];
  const endings = new Endings(
    60_000,
    () => {},
    (cluster) => late.push(cluster),
  );
  const one = Promise.withResolvers<void>();
  const two = Promise.withResolvers<void>();
  endings.add("primary", one.promise);
  endings.add("primary", two.promise);
  let isOver = false;
  const all = endings.all().then(() => isOver = true);
  one.reject(new Error("not well"));
  await endings.of("secondary");
  assert.ok(!isOver);
  two.resolve();
  await all;
  assert.deepEqual(late, []);
});
