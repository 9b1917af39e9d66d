import assert from "node:assert/strict";
import { SourceClients } from "../../dr/mirror/source_clients.ts";
import type { Consumer } from "../../src/kafka/mod.ts";

/** What becomes of clients, which are numbers here. */
function clients() {
  const events: string[] = [];
  let opened = 0;
  const all = new SourceClients({
    open: () => {
      const number = ++opened;
      const close = () => {
        events.push(`closed ${number}`);
        return Promise.resolve();
      };
      return { number, [Symbol.asyncDispose]: close } as unknown as Consumer;
    },
    serve: (consumer, signal) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          events.push(`served ${numberOf(consumer)}`);
          resolve();
        })
      ),
  });
  return { all, events };
}

const numberOf = (consumer: Consumer) =>
  (consumer as unknown as { number: number }).number;

Deno.test("lanes share one client as long as every topic is what it was", async () => {
  const { all, events } = clients();
  const [one, other] = [all.take(), all.take()];
  assert.equal(one.consumer, other.consumer);
  assert.ok(one.reads("orders", "first"));
  assert.ok(other.reads("orders", "first"));
  assert.ok(other.reads("logins", "second"));
  one.release();
  other.release();
  assert.equal(events.length, 0);
  await all[Symbol.asyncDispose]();
  assert.deepEqual(events, ["served 1", "closed 1"]);
});

Deno.test("a topic that was created anew is read by a new client, which all lanes share that begin then", async () => {
  const { all, events } = clients();
  const [one, other, third] = [all.take(), all.take(), all.take()];
  assert.ok(one.reads("orders", "first"));

  assert.ok(!one.reads("orders", "second"));
  assert.ok(!other.reads("orders", "second"));
  one.release();
  other.release();
  const again = [all.take(), all.take()];

  assert.deepEqual(again.map(({ consumer }) => numberOf(consumer)), [2, 2]);
  assert.ok(again.every((each) => each.reads("orders", "second")));
  // The third goes on with what it has.
  assert.ok(third.reads("logins", "first"));
  assert.equal(events.length, 0);
  third.release();
  again.forEach((each) => each.release());
  await all[Symbol.asyncDispose]();
  assert.deepEqual(events.filter((each) => each.startsWith("closed")).sort(), [
    "closed 1",
    "closed 2",
  ]);
});

Deno.test("a client that was replaced is closed with the last lane that has it, once its events are served no more", async () => {
  const { all, events } = clients();
  const [one, other] = [all.take(), all.take()];
  one.reads("orders", "first");
  one.reads("orders", "second");
  one.release();
  assert.equal(events.length, 0);
  other.release();
  await all[Symbol.asyncDispose]();
  assert.deepEqual(events.slice(0, 1), ["served 1"]);
  assert.ok(events.indexOf("closed 1") > events.indexOf("served 1"));
});
