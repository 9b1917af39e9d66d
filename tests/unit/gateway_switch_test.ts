import assert from "node:assert/strict";
import { freeAddress } from "../../src/commands/drill/environment.ts";
import { eventually } from "../support/wait.ts";
import {
  closedByPeer,
  Fixture,
  FullListener,
  named,
  readLine,
  TcpServer,
  writeAll,
} from "./support_gateway.ts";

/** Two clusters of one broker each, which say their names. */
async function pair(
  use: (fixture: Fixture, servers: readonly TcpServer[]) => Promise<void>,
  options: Parameters<typeof Fixture.open>[1] = {},
): Promise<void> {
  await using primary = new TcpServer(named("primary"));
  await using secondary = new TcpServer(named("secondary"));
  await using fixture = await Fixture.open(
    { primary: [primary], secondary: [secondary] },
    options,
  );
  await use(fixture, [primary, secondary]);
}

/** What is sent comes back. */
async function isAlive(client: Deno.TcpConn): Promise<void> {
  await writeAll(client, new TextEncoder().encode("still here?\n"));
  assert.equal(await readLine(client), "still here?");
}

Deno.test("a client that comes while no cluster is active waits, with what it sends, and is led to the one that becomes active", async () => {
  await pair(async (fixture, servers) => {
    const client = await fixture.connect();
    await writeAll(client, new TextEncoder().encode("so far\n"));
    await eventually(() => fixture.status.connecting === 1, {
      what: "waiting",
      everyMs: 5,
    });
    assert.deepEqual(servers.map(({ accepted }) => accepted), [0, 0]);
    fixture.gateway.setActive("secondary");
    assert.equal(await readLine(client), "secondary");
    assert.equal(await readLine(client), "so far");
  }, { active: null, limits: { waitMs: 600_000 } });
});

Deno.test("where no cluster becomes active in time the client is closed", async () => {
  await pair(async (fixture, servers) => {
    await closedByPeer(await fixture.connect());
    assert.equal(fixture.status.refused.inactive, 1);
    assert.equal(fixture.status.connecting, 0);
    assert.deepEqual(servers.map(({ accepted }) => accepted), [0, 0]);
    fixture.gateway.setActive("secondary");
    assert.equal(await readLine(await fixture.connect()), "secondary");
  }, { active: null, limits: { waitMs: 20 } });
});

Deno.test("a client of a dead cluster waits, and is led to the other one when that becomes active", async () => {
  await using secondary = new TcpServer(named("secondary"));
  await using fixture = await Fixture.open({
    primary: [freeAddress()],
    secondary: [secondary],
  }, { limits: { waitMs: 600_000 } });
  const client = await fixture.connect();
  await eventually(() => fixture.status.brokers[0]!.connectFailures > 0, {
    what: "refused by the primary",
    everyMs: 5,
  });
  fixture.gateway.setActive(null);
  fixture.gateway.setActive("secondary");
  assert.equal(await readLine(client), "secondary");
});

Deno.test("when another cluster becomes active, connections to the former one are closed and new ones go there", async () => {
  await pair(async (fixture, [primary]) => {
    const clients = [await fixture.connect(), await fixture.connect()];
    for (const each of clients) assert.equal(await readLine(each), "primary");
    fixture.gateway.setActive("secondary");
    await Promise.all(clients.map(closedByPeer));
    assert.equal(await readLine(await fixture.connect()), "secondary");
    await eventually(() => primary!.open === 0, { what: "closed" });
    assert.equal(fixture.status.closed.switched, 2);
    assert.equal(fixture.gateway.status().active, "secondary");
  });
});

Deno.test("connections stay while nobody knows the active cluster, and when it turns out to be the same", async () => {
  await pair(async (fixture) => {
    const client = await fixture.connect();
    await readLine(client);
    fixture.gateway.setActive(null);
    await closedByPeer(await fixture.connect());
    await isAlive(client);
    fixture.gateway.setActive("primary");
    await isAlive(client);
    assert.equal(fixture.status.closed.switched, 0);
  }, { limits: { waitMs: 20 } });
});

Deno.test("connections are closed by a switch of which the beginning was unknown", async () => {
  await pair(async (fixture) => {
    const client = await fixture.connect();
    await readLine(client);
    fixture.gateway.setActive(null);
    fixture.gateway.setActive("secondary");
    await closedByPeer(client);
    assert.equal(fixture.status.closed.switched, 1);
  });
});

Deno.test("after the grace connections to the former cluster are closed", async () => {
  await pair(async (fixture) => {
    const client = await fixture.connect();
    await readLine(client);
    fixture.gateway.setActive("secondary");
    await closedByPeer(client);
    assert.equal(fixture.status.closed.switched, 1);
  }, { limits: { switchGraceMs: 50 } });
});

Deno.test("connections are alive during the grace, for which a gateway that closes does not wait", async () => {
  await pair(async (fixture) => {
    const client = await fixture.connect();
    await readLine(client);
    fixture.gateway.setActive("secondary");
    await isAlive(client);
    await fixture.gateway[Symbol.asyncDispose]();
    await closedByPeer(client);
    assert.equal(fixture.status.closed.stopped, 1);
  }, { limits: { switchGraceMs: 3_600_000 } });
});

Deno.test("a switch back within the grace leaves the connections alone", async () => {
  await pair(async (fixture) => {
    const first = await fixture.connect();
    assert.equal(await readLine(first), "primary");
    fixture.gateway.setActive("secondary");
    const second = await fixture.connect();
    assert.equal(await readLine(second), "secondary");
    fixture.gateway.setActive("primary");
    // The second's grace began last, so that of the first is over as well.
    await closedByPeer(second);
    await isAlive(first);
  }, { limits: { switchGraceMs: 1_500 } });
});

Deno.test("a client that waits for a hanging broker of the former cluster is led to the new one", async () => {
  using hung = await FullListener.open();
  await using other = new TcpServer(named("secondary"));
  await using fixture = await Fixture.open(
    { primary: [hung.address], secondary: [other] },
    { limits: { connectTimeoutMs: 600_000 } },
  );
  const client = await fixture.connect();
  await eventually(() => fixture.status.connecting === 1, {
    what: "connecting",
    everyMs: 5,
  });
  fixture.gateway.setActive("secondary");
  assert.equal(await readLine(client), "secondary");
  assert.equal(fixture.status.brokers[0]!.connectFailures, 0);
});

Deno.test("a gateway that closes leaves nobody waiting", async () => {
  using hung = await FullListener.open();
  await using fixture = await Fixture.open({ primary: [hung.address] }, {
    limits: { connectTimeoutMs: 600_000, waitMs: 600_000 },
  });
  const client = await fixture.connect();
  await eventually(() => fixture.status.connecting === 1, {
    what: "connecting",
    everyMs: 5,
  });
  await fixture.gateway[Symbol.asyncDispose]();
  await fixture.gateway[Symbol.asyncDispose]();
  await closedByPeer(client);
  assert.equal(fixture.status.refused.stopped, 1);
});
