/** How brokers answer, or do not. */
import assert from "node:assert/strict";
import { askBroker } from "../../dr/health/broker_reply.ts";
import { freeAddress } from "../../src/commands/drill/environment.ts";
import { eventually } from "../support/wait.ts";

/** In which a connection is made, surely. */
const LATE_MS = 1_000;
const never = new AbortController().signal;

/** Listens on a free port; what is done with a connection decides `serve`. */
function listening(serve: (connection: Deno.Conn) => Promise<void> | void) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const served = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      await serve(connection);
    }
  })();
  const { port } = listener.addr;
  return {
    address: { host: "127.0.0.1", port },
    connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
      for (const each of connections) {
        try {
          each.close();
        } catch {
          // `serve` has closed it.
        }
      }
    },
  };
}

const ask = (
  address: { host: string; port: number },
  { asksRequests = true, signal = never, timeoutMs = 10_000 } = {},
) => askBroker({ address, asksRequests, timeoutMs }, signal);

Deno.test("a broker that answers a request answers", async () => {
  let asked = new Uint8Array();
  await using server = listening(async (connection) => {
    const buffer = new Uint8Array(64);
    asked = buffer.slice(0, await connection.read(buffer) ?? 0);
    await connection.write(new Uint8Array(8));
  });
  assert.equal(await ask(server.address), "answers");
  // Its length, ApiVersions, version 0.
  assert.deepEqual([...asked.slice(0, 8)], [0, 0, 0, 15, 0, 18, 0, 0]);
  assert.equal(asked.length, 19);
});

Deno.test("a broker that hangs up lives as well", async () => {
  await using server = listening((connection) => connection.close());
  assert.equal(await ask(server.address), "answers");
});

Deno.test("a process that accepts and says nothing hangs", async () => {
  await using server = listening(() => {});
  assert.equal(await ask(server.address, { timeoutMs: LATE_MS }), "hangs");
});

Deno.test("where a listener is encrypted a connection is enough", async () => {
  await using server = listening(() => {});
  assert.equal(await ask(server.address, { asksRequests: false }), "answers");
});

Deno.test("a process that is gone refuses, under each of its addresses", async () => {
  const [host, digits] = freeAddress().split(":");
  const port = Number(digits);
  assert.equal(await ask({ host: host!, port }), "refuses");
  assert.equal(await ask({ host: "localhost", port }), "refuses");
});

Deno.test("a name that nobody knows cannot be reached", async () => {
  const address = { host: "no-such-host.invalid", port: 9092 };
  assert.equal(await ask(address), "unreachable");
});

Deno.test("a question that is given up leaves no connection open", async () => {
  const stop = new AbortController();
  let isClosed = false;
  await using server = listening(async (connection) => {
    const buffer = new Uint8Array(64);
    while (await connection.read(buffer) !== null);
    isClosed = true;
  });
  const asked = ask(server.address, { signal: stop.signal });
  await eventually(() => server.connections.length > 0, { what: "connected" });
  stop.abort(new Error("given up"));
  await assert.rejects(asked, /given up/);
  await eventually(() => isClosed, { what: "closed" });
});
