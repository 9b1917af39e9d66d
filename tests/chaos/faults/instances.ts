/** Processes of the job that die, freeze, and are replaced. */
import { between, type Fault } from "../fault.ts";
import { pause } from "../../support/pause.ts";
import { nth } from "../world.ts";

export const instanceKilled: Fault = {
  name: "instance kill -9",
  family: "instances",
  prepare(random) {
    const kills = Array.from({ length: between(random, 1, 3) }, () => ({
      instance: between(random, 0, 99),
      downMs: between(random, 0, 4_000),
    }));
    return {
      parameters: {
        kills: kills.map((each) => `${each.instance} for ${each.downMs} ms`),
      },
      async run({ instances }, signal) {
        for (const { instance: number, downMs } of kills) {
          const instance = nth(instances, number);
          await instance.kill();
          await pause(downMs, signal);
          instance.start();
        }
      },
    };
  },
};

export const instanceFrozen: Fault = {
  name: "instance SIGSTOP beyond its session",
  family: "instances",
  prepare(random) {
    const number = between(random, 0, 99);
    const beyondMs = between(random, 1_000, 8_000);
    return {
      parameters: { instance: number, beyondMs },
      async run({ instances, sessionTimeoutMs }, signal) {
        const instance = nth(instances, number);
        instance.pause();
        try {
          await pause(sessionTimeoutMs + beyondMs, signal);
        } finally {
          instance.resume();
        }
      },
    };
  },
};

export const instancesBounced: Fault = {
  name: "rolling bounce of instances",
  family: "instances",
  prepare(random) {
    const downMs = between(random, 0, 2_000);
    const betweenMs = between(random, 0, 4_000);
    return {
      parameters: { downMs, betweenMs },
      async run({ instances }, signal) {
        for (const instance of instances) {
          await instance.stop();
          await pause(downMs, signal);
          instance.start();
          await pause(betweenMs, signal);
        }
      },
    };
  },
};
