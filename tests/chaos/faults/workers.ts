/** Worker threads that crash and hang, by commands to the test's processor. */
import { between, type Fault } from "../fault.ts";
import { pause } from "../../support/pause.ts";
import type { Command } from "../processors/command.ts";
import { nth } from "../world.ts";

function commanded(
  name: string,
  commandOf: (random: () => number) => Command,
): Fault {
  return {
    name,
    family: "job",
    prepare(random) {
      const number = between(random, 0, 99);
      const command = commandOf(random);
      const takeMs = between(random, 1_000, 3_000);
      return {
        parameters: { instance: number, ...command },
        async run({ instances, commandFolder }, signal) {
          const { id } = nth(instances, number);
          const file = `${commandFolder}/${id}`;
          // By a rename, so that nobody reads half of it.
          await Deno.writeTextFile(`${file}.new`, JSON.stringify(command));
          await Deno.rename(`${file}.new`, file);
          const lastsMs = command.kind === "hang" ? command.hangMs : 0;
          await pause(takeMs + lastsMs, signal);
          await removeIfThere(file);
        },
      };
    },
  };
}

export const workerCrashed = commanded(
  "worker crashed",
  () => ({ kind: "crash" }),
);

export const workerHung = commanded("worker hung", (random) => ({
  kind: "hang",
  hangMs: between(random, 7_000, 12_000),
}));

/** Nobody may have taken the command: an instance without partitions. */
async function removeIfThere(file: string): Promise<void> {
  try {
    await Deno.remove(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
