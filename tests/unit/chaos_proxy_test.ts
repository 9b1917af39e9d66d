import assert from "node:assert/strict";
import fc from "fast-check";
import { DelayLine } from "../chaos/delay_line.ts";
import { apiKeys } from "../chaos/frames.ts";
import { KafkaProxy } from "../chaos/proxy.ts";
import { freePorts } from "../support/free_port.ts";
import { eventually } from "../support/wait.ts";
import { scanned, ToyBroker, ToyClient } from "./support_toy_broker.ts";

interface Fixture {
  readonly broker: ToyBroker;
  readonly proxy: KafkaProxy;
  connect(): Promise<ToyClient>;
}

function proxyTest(name: string, test: (fixture: Fixture) => Promise<void>) {
  Deno.test(name, async () => {
    await using broker = new ToyBroker();
    const [listenPort] = freePorts(1);
    await using proxy = new KafkaProxy({
      listenPort: listenPort!,
      targetPort: broker.port,
      random: () => 0.5,
    });
    using clients = new DisposableStack();
    const connect = async () =>
      clients.use(await ToyClient.connect(listenPort!));
    await test({ broker, proxy, connect });
  });
}

Deno.test("frames are found however their bytes are cut, and no byte changes", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }),
    fc.array(fc.nat(300), { maxLength: 12 }),
    fc.nat(10),
    (bodies, cuts, headBytes) => {
      const stream = Uint8Array.from(
        bodies.flatMap((body) => [0, 0, 0, body.length, ...body]),
      );
      const places = cuts.map((cut) => Math.min(cut, stream.length))
        .sort((a, b) => a - b);
      assert.deepEqual(scanned(stream, places, headBytes), {
        heads: bodies.map((body) => [...body.subarray(0, headBytes)]),
        bytes: [...stream],
      });
    },
  ));
});

proxyTest(
  "requests and answers pass unchanged, large ones and split heads too",
  async ({ connect }) => {
    const client = await connect();
    const sizes = [0, 3, 5_000_000, 17];
    const sent = (async () => {
      for (const [at, payloadBytes] of sizes.entries()) {
        await client.request(0, at, { payloadBytes, splitAt: at });
      }
    })();
    for (const [correlation, payloadBytes] of sizes.entries()) {
      assert.deepEqual(await client.answer(), { correlation, payloadBytes });
    }
    await sent;
  },
);

proxyTest(
  "chosen answers are swallowed, so many of them, and the others pass",
  async ({ broker, proxy, connect }) => {
    const client = await connect();
    using drops = proxy.drop({ apis: ["EndTxn"], count: 2, then: "keep" });
    const kinds = ["EndTxn", "Produce", "EndTxn", "EndTxn", "Fetch"] as const;
    for (const [at, kind] of kinds.entries()) {
      await client.request(apiKeys[kind], at, { payloadBytes: 9 });
    }
    for (const correlation of [1, 3, 4]) {
      assert.equal((await client.answer())?.correlation, correlation);
    }
    assert.equal(drops.dropped, 2);
    assert.deepEqual(broker.correlations, [0, 1, 2, 3, 4]);
  },
);

proxyTest(
  "a swallowed answer can end the connection, after those before it",
  async ({ proxy, connect }) => {
    const client = await connect();
    using _ = proxy.drop({ apis: ["Produce"], count: 1, then: "cut" });
    await client.request(apiKeys.Fetch, 1, { payloadBytes: 100_000 });
    await client.request(apiKeys.Produce, 2);
    assert.equal((await client.answer())?.correlation, 1);
    assert.equal(await client.answer(), null);
    const next = await connect();
    await next.request(apiKeys.Produce, 3);
    assert.equal((await next.answer())?.correlation, 3);
  },
);

proxyTest(
  "a rule that is disposed of holds no more",
  async ({ proxy, connect }) => {
    const client = await connect();
    proxy.drop({ apis: ["Produce"], count: 9, then: "keep" })[Symbol.dispose]();
    await client.request(apiKeys.Produce, 1);
    assert.equal((await client.answer())?.correlation, 1);
  },
);

proxyTest(
  "answers come later, and in their order",
  async ({ proxy, connect }) => {
    const client = await connect();
    proxy.mode = { kind: "delay", delayMs: 40, jitterMs: 20 };
    const startMs = performance.now();
    await client.request(0, 1);
    await client.request(0, 2);
    assert.equal((await client.answer())?.correlation, 1);
    // Half of the jitter, as this test's chance has it; timers may round down.
    assert.ok(performance.now() - startMs >= 49);
    assert.equal((await client.answer())?.correlation, 2);
  },
);

proxyTest(
  "all connections are cut, and new ones are served",
  async ({ proxy, connect }) => {
    const clients = [await connect(), await connect()];
    for (const [at, client] of clients.entries()) {
      await client.request(0, at);
      await client.answer();
    }
    assert.equal(proxy.connections, 2);
    proxy.cut();
    for (const client of clients) assert.equal(await client.answer(), null);
    const next = await connect();
    await next.request(0, 9);
    assert.equal((await next.answer())?.correlation, 9);
  },
);

proxyTest(
  "a black hole takes connections and bytes, and gives nothing until it is healed",
  async ({ broker, proxy, connect }) => {
    const before = await connect();
    await before.request(0, 1);
    await before.answer();
    proxy.mode = { kind: "black hole" };
    const within = await connect();
    await within.request(0, 2);
    await before.request(0, 3);
    await eventually(() => proxy.connections === 2, { what: "accepted" });
    // Around the proxy, which has the time to forward meanwhile.
    using direct = await ToyClient.connect(broker.port);
    for (let correlation = 10; correlation < 15; correlation++) {
      await direct.request(0, correlation);
      await direct.answer();
    }
    assert.deepEqual(broker.correlations, [1, 10, 11, 12, 13, 14]);
    proxy.heal();
    assert.equal((await within.answer())?.correlation, 2);
    assert.equal((await before.answer())?.correlation, 3);
  },
);

proxyTest(
  "a client is cut off when nobody listens behind the proxy",
  async ({ broker, connect }) => {
    await broker[Symbol.asyncDispose]();
    const client = await connect();
    assert.equal(await client.answer(), null);
  },
);

proxyTest(
  "disposal ends connections, held ones too",
  async ({ proxy, connect }) => {
    const client = await connect();
    proxy.mode = { kind: "black hole" };
    await client.request(0, 1);
    await proxy[Symbol.asyncDispose]();
    assert.equal(await client.answer(), null);
    assert.equal(proxy.connections, 0);
  },
);

Deno.test("a delay line holds back who would push more than its bound", async () => {
  const large = new Uint8Array(1 << 20);
  const line = new DelayLine(large.length);
  await line.push(large, 0);
  let hasRoom = false;
  const pushed = line.push(large, 0).then(() => hasRoom = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(hasRoom, false);
  const read = line[Symbol.asyncIterator]();
  assert.equal((await read.next()).value?.length, large.length);
  line.end();
  await pushed;
  assert.equal((await read.next()).value?.length, large.length);
  assert.equal((await read.next()).done, true);
});
