import assert from "node:assert/strict";
import fc from "fast-check";
import { acceptAll } from "../../dr/gateway/accept.ts";
import { Census, refusalOf } from "../../dr/gateway/admission.ts";
import {
  DEFAULT_LIMITS,
  Gateway,
  type GatewayLimits,
} from "../../dr/gateway/mod.ts";
import { freeAddress } from "../../src/commands/drill/environment.ts";
import { ListenError } from "../../src/telemetry/http_server.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { eventually } from "../support/wait.ts";
import {
  closedByPeer,
  Fixture,
  named,
  readLine,
  streamBytes,
  TcpServer,
  writeAll,
} from "./support_gateway.ts";

const log = createLog({ level: "error", write: () => {} });

for (
  const [limit, reason] of [
    ["connections", "full"],
    ["connectionsPerAddress", "address-full"],
    ["connectionsPerClient", "client-full"],
  ] as const
) {
  Deno.test(`beyond ${limit} a client is refused, until another one has gone`, async () => {
    await using server = new TcpServer(named("here"));
    await using fixture = await Fixture.open({ primary: [server] }, {
      limits: { [limit]: 2 },
    });
    const first = await fixture.connect();
    for (const each of [first, await fixture.connect()]) {
      assert.equal(await readLine(each), "here");
    }
    await closedByPeer(await fixture.connect());
    assert.equal(fixture.status.refused[reason], 1);
    first.close();
    await eventually(() => fixture.status.open === 1, {
      what: "gone: the first",
      everyMs: 5,
    });
    assert.equal(await readLine(await fixture.connect()), "here");
  });
}

Deno.test("limits count connections over all addresses, and by host", () => {
  const limits: GatewayLimits = {
    ...DEFAULT_LIMITS,
    connections: 5,
    connectionsPerAddress: 3,
    connectionsPerClient: 2,
  };
  fc.assert(fc.property(fc.nat(7), fc.nat(7), fc.nat(7), (...counts) => {
    const [total, onAddress, fromClient] = counts;
    const refusal = refusalOf({ total, onAddress, fromClient }, limits);
    const isRoom = total < 5 && onAddress < 3 && fromClient < 2;
    assert.equal(refusal === null, isRoom);
  }));
});

Deno.test("a census forgets whoever has left", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.boolean())),
    (steps) => {
      const census = new Census();
      const inside: { client: string; stay: Disposable }[] = [];
      for (const [client, isLeaving] of steps) {
        if (isLeaving) inside.shift()?.stay[Symbol.dispose]();
        else inside.push({ client, stay: census.enter(client) });
        assert.equal(census.total, inside.length);
        const same = inside.filter((each) => each.client === client);
        assert.equal(census.from(client), same.length);
      }
    },
  ));
});

Deno.test("a connection without traffic is closed after the idle time-out", async () => {
  await using server = new TcpServer(named("here"));
  await using fixture = await Fixture.open({ primary: [server] }, {
    limits: { idleTimeoutMs: 50 },
  });
  await closedByPeer(await fixture.connect());
  assert.equal(fixture.status.closed.idle, 1);
  await eventually(() => server.open === 0, { what: "closed" });
});

Deno.test("a connection that is stuck in writing is idle", async () => {
  await using server = new TcpServer(async (connection) => {
    for (;;) await writeAll(connection, streamBytes(1, 0, 100_000));
  });
  await using fixture = await Fixture.open({ primary: [server] }, {
    limits: { idleTimeoutMs: 200 },
  });
  await fixture.connect();
  await eventually(() => fixture.status.closed.idle === 1, {
    what: "closed",
    everyMs: 20,
  });
  await eventually(() => server.open === 0, { what: "closed" });
});

Deno.test("an address that is in use is named, and the others are free again", async () => {
  await using server = new TcpServer();
  const free = freeAddress();
  const brokers = { primary: ["127.0.0.1:1"], secondary: ["127.0.0.1:2"] };
  await assert.rejects(
    Gateway.open({
      addresses: [
        { listen: free, ...brokers },
        { listen: server.address, ...brokers },
      ],
      log,
    }),
    (error) =>
      error instanceof ListenError &&
      error.message.includes(`${server.address}: the port is in use; set`),
  );
  const [hostname, port] = free.split(":");
  Deno.listen({ hostname: hostname!, port: Number(port) }).close();
});

Deno.test("accepting goes on after failures, with longer and longer pauses", async () => {
  await using server = new TcpServer();
  const stop = new AbortController();
  const [hostname, port] = server.address.split(":");
  const connections: Deno.TcpConn[] = [];
  const errors: boolean[] = [];
  let calls = 0;
  await acceptAll({
    accept: () => {
      calls++;
      if (calls === 6) stop.abort();
      return calls === 4
        ? Deno.connect({ hostname: hostname!, port: Number(port) })
        : Promise.reject(new Error("Too many open files (os error 24)"));
    },
  }, {
    onConnection: (connection) => void connections.push(connection),
    onError: (_, isFirst) => void errors.push(isFirst),
    signal: stop.signal,
  });
  assert.equal(connections.length, 1);
  connections[0]!.close();
  assert.deepEqual(errors, [true, false, false, true]);
});

for (
  const [what, options, message] of [
    ["a broker without a port", { primary: ["broker"] }, /"broker"/],
    ["a cluster without brokers", { secondary: [] }, /secondary/],
    ["a port too high", { listen: "here:70000" }, /"here:70000"/],
    [
      "itself as a broker",
      { listen: "127.0.0.1:9", secondary: ["127.0.0.1:9"] },
      /127\.0\.0\.1:9 is an address of the gateway/,
    ],
  ] as const
) {
  Deno.test(`${what} is refused with the value quoted`, async () => {
    const address = {
      listen: "127.0.0.1:0",
      primary: ["127.0.0.1:1"],
      secondary: ["127.0.0.1:2"],
      ...options,
    };
    await assert.rejects(
      Gateway.open({ addresses: [address], log }),
      (error) => error instanceof RangeError && message.test(error.message),
    );
  });
}

Deno.test("a limit that makes no sense is refused with its value", async () => {
  const addresses = [{
    listen: "127.0.0.1:0",
    primary: ["127.0.0.1:1"],
    secondary: ["127.0.0.1:2"],
  }];
  for (const value of [0, -1, 1.5, NaN, Infinity]) {
    await assert.rejects(
      Gateway.open({ addresses, limits: { bufferBytes: value }, log }),
      { name: "RangeError", message: new RegExp(`bufferBytes.*${value}`) },
    );
  }
});
