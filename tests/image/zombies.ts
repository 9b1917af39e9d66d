/** Processes that have ended, and that nobody asks how. */
import { pause } from "../support/pause.ts";
import { childrenOf, statusField } from "./container.ts";

const EVERY_MS = 200;
/** A child that has just ended is one for a moment. */
const LASTING_LOOKS = 10;

/** Watches a process until it ends. @returns its children that stayed zombies. */
export async function lastingZombies(pid: number): Promise<number[]> {
  const looks = new Map<number, number>();
  while (isThere(pid)) {
    for (const child of zombiesOf(pid)) {
      looks.set(child, (looks.get(child) ?? 0) + 1);
    }
    await pause(EVERY_MS);
  }
  return [...looks].filter(([, count]) => count >= LASTING_LOOKS)
    .map(([child]) => child);
}

function zombiesOf(pid: number): number[] {
  try {
    return childrenOf(pid)
      .filter((child) => statusField(child, "State")[0] === "Z");
  } catch {
    return []; // one of them has just ended for good: the next look tells
  }
}

function isThere(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
