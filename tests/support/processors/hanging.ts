/**
 * Passes numbers on. Every `HANG_EVERY`-th one hangs until the file
 * `HANG_UNTIL` is there; without that setting none does. When they are aborted
 * that keeps their thread busy for `ABORT_MS`.
 */
import { processor } from "switchyard";
import { z } from "zod";

const LOOK_MS = 50;
const every = Number(Deno.env.get("HANG_EVERY") ?? Infinity);
const file = Deno.env.get("HANG_UNTIL");
const abortMs = Number(Deno.env.get("ABORT_MS") ?? 0);
/** One for all handlers of this thread. */
let told: Promise<void> | undefined;

export default processor({
  input: z.object({ number: z.number() }),
  process({ key, value }, context) {
    const output = { key, value };
    if (file === undefined || value.number % every !== 0) return output;
    if (told === undefined) {
      told = until(file);
      context.signal.addEventListener("abort", stayBusy);
    }
    return told.then(() => output);
  },
});

async function until(file: string): Promise<void> {
  while (!await isThere(file)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function stayBusy(): void {
  const startMs = performance.now();
  while (performance.now() - startMs < abortMs);
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
