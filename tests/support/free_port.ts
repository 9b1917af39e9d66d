/**
 * Below the ranges from which Linux (32768-) and macOS (49152-) take the ports
 * of outgoing connections: the port of a dead broker stays free for its restart,
 * and a client that knocks there cannot connect to itself by accident.
 */
const lowest = 12_000;
const highest = 32_000;

/** Loopback ports that nobody listens on, all different. */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (!ports.has(port) && isFree(port)) ports.add(port);
  }
  return [...ports];
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
