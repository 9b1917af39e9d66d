/** Addresses as `bootstrap.servers` writes them. */
export interface HostPort {
  /** Without the brackets of IPv6. */
  readonly hostname: string;
  readonly port: number;
}

/**
 * Of `broker-1.example.com:9092`, `10.0.0.1:9092` or `[::1]:9092`.
 * @param leastPort 0 where any free port may be asked for.
 * @throws {RangeError} quoting what is none.
 */
export function parseAddress(text: string, leastPort: 0 | 1 = 1): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9._-]+)):(\d{1,5})$/
    .exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || port < leastPort || port > 65_535) {
    throw new RangeError(
      `expected host:port with a port from ${leastPort} to 65,535, ` +
        `not "${text}"`,
    );
  }
  return { hostname, port };
}

export function addressText({ hostname, port }: HostPort): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
