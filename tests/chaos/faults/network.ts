/** What the proxies between the job and the brokers do. */
import { between, type Fault, oneOf } from "../fault.ts";
import type { ApiName } from "../frames.ts";
import { pause } from "../../support/pause.ts";
import { nth } from "../world.ts";

export const answersDelayed: Fault = {
  name: "answers delayed",
  family: "network",
  prepare(random) {
    const delayMs = between(random, 20, 600);
    const jitterMs = between(random, 0, 400);
    const lastsMs = between(random, 2_000, 8_000);
    return {
      parameters: { delayMs, jitterMs, lastsMs },
      async run({ proxies }, signal) {
        for (const proxy of proxies) {
          proxy.mode = { kind: "delay", delayMs, jitterMs };
        }
        await pause(lastsMs, signal);
        for (const proxy of proxies) proxy.heal();
      },
    };
  },
};

export const connectionsCut: Fault = {
  name: "connections cut",
  family: "network",
  prepare(random) {
    const cuts = Array.from({ length: between(random, 1, 8) }, () => ({
      broker: between(random, 0, 99),
      afterMs: between(random, 50, 1_500),
    }));
    return {
      parameters: {
        cuts: cuts.map((each) => `${each.broker} after ${each.afterMs} ms`),
      },
      async run({ proxies }, signal) {
        for (const { broker, afterMs } of cuts) {
          await pause(afterMs, signal);
          nth(proxies, broker).cut();
        }
      },
    };
  },
};

export const brokerUnreachable: Fault = {
  name: "broker in a black hole",
  family: "network",
  prepare(random) {
    const broker = between(random, 0, 99);
    const lastsMs = between(random, 1_000, 15_000);
    return {
      parameters: { broker, lastsMs },
      async run({ proxies }, signal) {
        const proxy = nth(proxies, broker);
        proxy.mode = { kind: "black hole" };
        await pause(lastsMs, signal);
        proxy.heal();
      },
    };
  },
};

/** Answers to requests of these kinds get lost, on the way from any broker. */
function dropped(what: string, apis: readonly ApiName[]): Fault {
  return {
    name: `${what} answers dropped`,
    family: "network",
    prepare(random) {
      const count = between(random, 1, 12);
      const probability = oneOf(random, [0.05, 0.3, 1]);
      // Kept, the client waits a minute for the answer, as its own time-out says.
      const then = oneOf(random, ["cut", "cut", "cut", "keep"] as const);
      const lastsMs = between(random, 2_000, 8_000);
      return {
        parameters: { count, probability, then, lastsMs },
        async run({ proxies, log }, signal) {
          using stack = new DisposableStack();
          const drops = proxies.map((proxy) =>
            stack.use(proxy.drop({ apis, count, probability, then }))
          );
          await pause(lastsMs, signal);
          // A kept connection has heard nothing, and would say so much later.
          if (then === "keep") { for (const proxy of proxies) proxy.cut(); }
          const lost = drops.reduce((sum, each) => sum + each.dropped, 0);
          log(`${what} answers dropped: ${lost}`);
        },
      };
    },
  };
}

export const answersDropped: readonly Fault[] = [
  dropped("Produce", ["Produce"]),
  dropped("OffsetCommit", ["OffsetCommit"]),
  dropped("group", ["JoinGroup", "SyncGroup", "Heartbeat"]),
  dropped("EndTxn", ["EndTxn"]),
  dropped("TxnOffsetCommit", ["TxnOffsetCommit", "AddOffsetsToTxn"]),
  dropped("AddPartitionsToTxn", ["AddPartitionsToTxn"]),
  dropped("InitProducerId", ["InitProducerId"]),
];
