import assert from "node:assert/strict";
import fc from "fast-check";
import { BrokerRing } from "../../dr/gateway/broker_ring.ts";
import { freeAddress } from "../../src/commands/drill/environment.ts";
import { eventually } from "../support/wait.ts";
import {
  closedByPeer,
  Fixture,
  FullListener,
  named,
  readLine,
  TcpServer,
} from "./support_gateway.ts";

Deno.test("clients are shared out among the brokers in turn", async () => {
  await using one = new TcpServer(named("1"));
  await using two = new TcpServer(named("2"));
  await using three = new TcpServer(named("3"));
  await using fixture = await Fixture.open({ primary: [one, two, three] });
  const names = [];
  for (let count = 0; count < 6; count++) {
    names.push(await readLine(await fixture.connect()));
  }
  assert.deepEqual(names, ["1", "2", "3", "1", "2", "3"]);
});

Deno.test("a broker that refuses is passed over, and counted", async () => {
  const dead = freeAddress();
  await using alive = new TcpServer(named("alive"));
  await using fixture = await Fixture.open({ primary: [dead, alive] });
  assert.equal(await readLine(await fixture.connect()), "alive");
  const [refusing, taking] = fixture.status.brokers;
  assert.equal(refusing!.connectFailures, 1);
  assert.match(refusing!.lastFailure!, /refused/);
  assert.deepEqual(taking, {
    cluster: "primary",
    broker: alive.address,
    connects: 1,
    connectFailures: 0,
    lastFailure: null,
  });
});

Deno.test("a broker that hangs costs one client the connect time-out, and the next ones nothing", async () => {
  using hung = await FullListener.open();
  await using alive = new TcpServer(named("alive"));
  await using fixture = await Fixture.open(
    { primary: [hung.address, alive] },
    // It holds for the living one, too.
    { limits: { connectTimeoutMs: 2_000, avoidBrokerMs: 3_600_000 } },
  );
  for (let count = 0; count < 4; count++) {
    assert.equal(await readLine(await fixture.connect()), "alive");
  }
  const [hanging] = fixture.status.brokers;
  assert.equal(hanging!.connectFailures, 1);
  assert.equal(hanging!.lastFailure, "no connection within 2000 ms");
});

Deno.test("a client waits for brokers that return", async () => {
  const address = freeAddress();
  await using fixture = await Fixture.open({ primary: [address] }, {
    limits: { waitMs: 600_000 },
  });
  const client = await fixture.connect();
  await eventually(() => fixture.status.brokers[0]!.connectFailures > 1, {
    what: "refused again",
    everyMs: 5,
  });
  await using _ = new TcpServer(named("back"), address);
  assert.equal(await readLine(client), "back");
});

Deno.test("when no broker takes the connection in time, the client is closed", async () => {
  const dead = [freeAddress(), freeAddress()];
  await using fixture = await Fixture.open({ primary: dead }, {
    limits: { waitMs: 0 },
  });
  await closedByPeer(await fixture.connect());
  await closedByPeer(await fixture.connect());
  const { brokers, refused } = fixture.status;
  assert.equal(refused["no-broker"], 2);
  assert.deepEqual(
    brokers.filter(({ cluster }) => cluster === "primary")
      .map(({ connectFailures }) => connectFailures),
    [2, 2],
  );
});

Deno.test("a broker whose name is unknown is one that fails", async () => {
  await using alive = new TcpServer(named("alive"));
  await using fixture = await Fixture.open({
    primary: ["no-such-host.invalid:9092", alive],
  }, { limits: { connectTimeoutMs: 20_000 } });
  assert.equal(await readLine(await fixture.connect()), "alive");
  assert.equal(fixture.status.brokers[0]!.connectFailures, 1);
});

Deno.test("a broker's failing and its return are logged once each", async () => {
  const dead = freeAddress();
  await using fixture = await Fixture.open({ primary: [dead] }, {
    limits: { avoidBrokerMs: 0, waitMs: 0 },
  });
  for (let count = 0; count < 3; count++) {
    await closedByPeer(await fixture.connect());
  }
  const port = Number(dead.split(":")[1]);
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const client = await fixture.connect();
  (await listener.accept()).close();
  await closedByPeer(client);
  listener.close();
  assert.deepEqual(fixture.lines.map(({ message }) => message), [
    "gateway cannot connect to a broker",
    "gateway connects to a broker again",
  ]);
});

Deno.test("a ring names every broker once, those that failed lately last, and begins with each equally often", () => {
  const brokers = ["a:1", "b:1", "c:1", "d:1"];
  const event = fc.record({
    stepMs: fc.nat(40),
    broker: fc.constantFrom(...brokers),
    kind: fc.constantFrom("order", "failed", "connected"),
  });
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    const ring = new BrokerRing(brokers, 50);
    const failedMs = new Map<string, number>();
    let nowMs = 0;
    for (const { stepMs, broker, kind } of events) {
      nowMs += stepMs;
      if (kind === "failed") {
        assert.equal(
          ring.failed(broker, "why", nowMs),
          failedMs.has(broker),
        );
        failedMs.set(broker, nowMs);
      } else if (kind === "connected") {
        assert.equal(ring.connected(broker), failedMs.has(broker));
        failedMs.delete(broker);
      } else {
        const order = ring.order(nowMs);
        assert.deepEqual([...order].sort(), brokers);
        const avoided = order.map((each) =>
          nowMs - (failedMs.get(each) ?? -Infinity) < 50
        );
        assert.deepEqual(avoided, [...avoided].sort());
      }
    }
    for (const broker of brokers) ring.connected(broker);
    const firsts = brokers.map(() => ring.order(nowMs)[0]!);
    assert.deepEqual(firsts.sort(), brokers);
  }));
});
