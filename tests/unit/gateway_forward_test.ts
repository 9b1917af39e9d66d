import assert from "node:assert/strict";
import { addressText, parseAddress } from "../../dr/gateway/address.ts";
import { eventually } from "../support/wait.ts";
import {
  chunksOf,
  closedByPeer,
  Fixture,
  readAll,
  readLine,
  streamBytes,
  TcpServer,
  writeAll,
} from "./support_gateway.ts";

Deno.test("bytes pass both ways, unchanged and in order", async () => {
  await using server = new TcpServer();
  await using fixture = await Fixture.open({ primary: [server] });
  const client = await fixture.connect();
  const sent = streamBytes(1, 0, 3_000_000);
  const [received] = await Promise.all([
    readAll(client),
    writeAll(client, sent).then(() => client.closeWrite()),
  ]);
  assert.deepEqual(received, sent);
  await fixture.quiet();
  const { bytesToBrokers, bytesToClients, closed } = fixture.status;
  assert.deepEqual(
    { bytesToBrokers, bytesToClients, ended: closed.ended },
    { bytesToBrokers: sent.length, bytesToClients: sent.length, ended: 1 },
  );
});

Deno.test("a client that has ended its sending still gets the answer", async () => {
  await using server = new TcpServer(async (connection) => {
    const { length } = await readAll(connection);
    await writeAll(connection, new TextEncoder().encode(`${length}\n`));
  });
  await using fixture = await Fixture.open({ primary: [server] });
  const client = await fixture.connect();
  await writeAll(client, new Uint8Array(70_000));
  await client.closeWrite();
  assert.equal(await readLine(client), "70000");
  assert.equal((await readAll(client)).length, 0);
});

Deno.test("a broker that has ended its sending still gets what the client sends", async () => {
  const got = Promise.withResolvers<number>();
  await using server = new TcpServer(async (connection) => {
    await connection.closeWrite();
    got.resolve((await readAll(connection)).length);
  });
  await using fixture = await Fixture.open({ primary: [server] });
  const client = await fixture.connect();
  assert.equal((await readAll(client)).length, 0);
  await writeAll(client, new Uint8Array(70_000));
  await client.closeWrite();
  assert.equal(await got.promise, 70_000);
});

Deno.test("a reader that does not read stops the writer, and nothing piles up between", async () => {
  const total = 128 << 20;
  const chunk = streamBytes(2, 0, 1 << 20);
  let written = 0;
  await using server = new TcpServer(async (connection) => {
    while (written < total) {
      await writeAll(connection, chunk);
      written += chunk.length;
    }
    await connection.closeWrite();
  });
  await using fixture = await Fixture.open({ primary: [server] });
  const client = await fixture.connect();
  // Loopback sockets hold some MiB, then the writer is stuck for good.
  let [before, looks] = [-1, 0];
  await eventually(() => {
    looks = written === before && written > 0 ? looks + 1 : 0;
    before = written;
    return looks === 10;
  }, { what: "stuck: the writer", everyMs: 30 });
  assert.ok(written < total / 2, `${written} bytes are on their way`);
  let received = 0;
  for await (const bytes of chunksOf(client)) received += bytes.length;
  assert.equal(received, total);
});

/** A client whose bytes have come back from the broker. */
async function answered(fixture: Fixture): Promise<Deno.TcpConn> {
  const client = await fixture.connect();
  await writeAll(client, streamBytes(3, 0, 10));
  await eventually(() => fixture.status.bytesToClients === 10, {
    what: "answered",
    everyMs: 5,
  });
  return client;
}

Deno.test("when the broker breaks off, so does the client's connection", async () => {
  await using server = new TcpServer();
  await using fixture = await Fixture.open({ primary: [server] });
  const client = await answered(fixture);
  server.cut();
  await closedByPeer(client);
  client.close();
  await fixture.quiet();
});

Deno.test("when the client is gone, so is the broker's connection", async () => {
  await using server = new TcpServer();
  await using fixture = await Fixture.open({ primary: [server] });
  const client = await answered(fixture);
  client.close();
  await eventually(() => server.open === 0, { what: "closed", everyMs: 5 });
  await fixture.quiet();
});

Deno.test("two addresses lead to brokers of their own", async () => {
  await using inner = new TcpServer(async (connection) => {
    await writeAll(connection, new TextEncoder().encode("inner\n"));
  });
  await using outer = new TcpServer(async (connection) => {
    await writeAll(connection, new TextEncoder().encode("outer\n"));
  });
  await using fixture = await Fixture.open({ primary: [inner] }, {
    addresses: [inner, outer].map(({ address }) => ({
      listen: "127.0.0.1:0",
      primary: [address],
      secondary: [address],
    })),
  });
  const names = [];
  for (const { listen } of fixture.gateway.status().addresses) {
    const port = Number(listen.split(":")[1]);
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    names.push(await readLine(client));
    client.close();
  }
  assert.deepEqual(names, ["inner", "outer"]);
});

Deno.test("addresses are read as they are written, IPv6 in brackets", () => {
  for (const text of ["broker-1.example.com:9092", "10.0.0.1:1", "[::1]:9"]) {
    assert.equal(addressText(parseAddress(text)), text);
  }
  assert.deepEqual(parseAddress("[fe80::2]:9092"), {
    hostname: "fe80::2",
    port: 9092,
  });
  for (const text of ["::1:9092", "host", "host:0", "host:65536", "a b:1"]) {
    assert.throws(() => parseAddress(text), RangeError);
  }
});
