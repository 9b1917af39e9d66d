/**
 * Below the ranges from which Linux (32768-) and macOS (49152-) take the ports
 * of outgoing connections: the port of a dead broker stays free for its restart,
 * and a client that knocks there cannot connect to itself by accident.
 */
const lowest = 12_000;
const highest = 32_000;

/** Multiples of it are far from each other: the golden ratio of the range. */
const stride = 12_361;
/** Test processes that run side by side begin at places of their own. */
let next = Deno.pid * stride % (highest - lowest);

/**
 * Loopback ports that nobody listens on. None is given out twice until all have
 * been: who asked for one may not listen there yet, or no longer.
 */
export function freePorts(count: number): number[] {
  const ports: number[] = [];
  for (let tried = 0; ports.length < count; tried++) {
    if (tried === highest - lowest) throw new Error("no port is free");
    const port = lowest + next;
    next = (next + 1) % (highest - lowest);
    if (isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
