/** Brokers that die, freeze, and are restarted; one at a time. */
import type { KafkaBroker } from "../../support/kafka_broker.ts";
import { between, type Fault } from "../fault.ts";
import { pause } from "../../support/pause.ts";
import { eventually } from "../../support/wait.ts";
import {
  activeController,
  findCoordinator,
  transactionsAt,
} from "../questions.ts";
import {
  anyPort,
  brokerOf,
  inSync,
  nth,
  revive,
  type World,
} from "../world.ts";

/** Kills the broker that `find` names, and starts it again. */
function killed(
  name: string,
  find: (world: World, number: number) => KafkaBroker | Promise<KafkaBroker>,
): Fault {
  return {
    name,
    family: "brokers",
    prepare(random) {
      const number = between(random, 0, 99);
      const downMs = between(random, 500, 8_000);
      return {
        parameters: { number, downMs },
        async run(world, signal) {
          const broker = await find(world, number);
          world.log(`${name}: broker ${broker.nodeId}`);
          try {
            await broker.kill();
            await pause(downMs, signal);
          } finally {
            await revive(world, broker);
          }
        },
      };
    },
  };
}

export const brokerKilled = killed(
  "broker kill -9",
  ({ cluster }, number) => nth(cluster.brokers, number),
);

export const groupCoordinatorKilled = killed(
  "group coordinator kill -9",
  async (world) =>
    brokerOf(
      world,
      await findCoordinator(anyPort(world), "group", world.group),
    ),
);

export const transactionCoordinatorKilled = killed(
  "transaction coordinator kill -9",
  async (world, number) => {
    // In turns, because several workers have several coordinators.
    const { brokers } = world.cluster;
    for (let at = 0; at < brokers.length; at++) {
      const broker = nth(brokers, number + at);
      if ((await transactionsAt(broker.port)).length > 0) return broker;
    }
    world.log("no transaction is known: at-least-once has none");
    // The first to ask has the topic created that coordinators need.
    const id = await eventually(
      () => findCoordinator(anyPort(world), "transaction", world.group),
      { what: "told a coordinator of transactions" },
    );
    return brokerOf(world, id);
  },
);

export const controllerKilled = killed(
  "active controller kill -9",
  async (world) => brokerOf(world, await activeController(anyPort(world))),
);

export const brokerFrozen: Fault = {
  name: "broker SIGSTOP",
  family: "brokers",
  prepare(random) {
    const number = between(random, 0, 99);
    // The controllers miss it after 4 s.
    const pausedMs = between(random, 1_000, 12_000);
    return {
      parameters: { number, pausedMs },
      async run(world, signal) {
        const broker = nth(world.cluster.brokers, number);
        broker.pause();
        try {
          await pause(pausedMs, signal);
        } finally {
          broker.resume();
        }
        await inSync(world);
      },
    };
  },
};

export const brokersBounced: Fault = {
  name: "rolling bounce of brokers",
  family: "brokers",
  prepare(random) {
    const betweenMs = between(random, 0, 3_000);
    return {
      parameters: { betweenMs },
      async run(world, signal) {
        for (const broker of world.cluster.brokers) {
          if (signal.aborted) return;
          await revive(world, broker);
          await pause(betweenMs, signal);
        }
      },
    };
  },
};
