/** Whether a failover by hand takes the primary for dead. */
import assert from "node:assert/strict";
import { isAlive } from "../../dr/failover/left_alive.ts";
import { freeAddress } from "../../src/commands/drill/environment.ts";
import { KafkaError } from "../../src/kafka/mod.ts";

const { signal } = new AbortController();
const late = new KafkaError("no answer", {
  code: -185,
  codeName: "_TIMED_OUT",
});

/** Answers from its nth question on. */
function admin(nth: number) {
  const described = { asked: 0 };
  const broker = { id: 1, host: "127.0.0.1", port: 1 };
  return {
    described,
    describeCluster: () =>
      ++described.asked < nth ? Promise.reject(late) : Promise.resolve({
        brokers: [broker],
        clusterId: null,
        controller: null,
      }),
  };
}

/** The system accepts connections for a process that stands still. */
function standing() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    address: { host: "127.0.0.1", port: listener.addr.port },
    [Symbol.dispose]: () => listener.close(),
  };
}

function gone() {
  const [host, port] = freeAddress().split(":");
  return { host: host!, port: Number(port) };
}

Deno.test("a primary that stands still for a while lives", async () => {
  using broker = standing();
  assert.equal(await isAlive(admin(4), [gone(), broker.address], signal), true);
});

Deno.test("a primary that never answers is dead, though its brokers can be connected to", async () => {
  using broker = standing();
  const { described, ...left } = admin(Infinity);
  assert.equal(await isAlive(left, [broker.address], signal), false);
  assert.ok(described.asked > 1);
});

Deno.test("a primary of which every broker refuses connections is asked once", async () => {
  const { described, ...left } = admin(2);
  assert.equal(await isAlive(left, [gone(), gone()], signal), false);
  assert.equal(described.asked, 1);
});

Deno.test("asking for life ends when it is told to", async () => {
  using broker = standing();
  const stop = new AbortController();
  const describeCluster = () => {
    stop.abort(new Error("stopped"));
    return Promise.reject(late);
  };
  await assert.rejects(
    isAlive({ describeCluster }, [broker.address], stop.signal),
    /stopped/,
  );
});
