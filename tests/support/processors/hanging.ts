/**
 * Passes numbers on. Every `HANG_EVERY`-th one hangs until the file
 * `HANG_UNTIL` is there; without that setting none does.
 */
import { processor } from "switchyard";
import { z } from "zod";

const LOOK_MS = 50;
const every = Number(Deno.env.get("HANG_EVERY") ?? Infinity);
const file = Deno.env.get("HANG_UNTIL");
/** One for all handlers of this thread. */
let told: Promise<void> | undefined;

export default processor({
  input: z.object({ number: z.number() }),
  process({ key, value }) {
    const output = { key, value };
    if (file === undefined || value.number % every !== 0) return output;
    told ??= until(file);
    return told.then(() => output);
  },
});

async function until(file: string): Promise<void> {
  while (!await isThere(file)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await Deno.stat(file);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
