/** The environment of processes that a drill starts. */

/** What Deno and librdkafka need to run, and nothing of this process' settings. */
const NEEDED =
  /^(DENO_.*|HOME|LANG|LC_.*|NPM_CONFIG_.*|PATH|TEMP|TMP|TMPDIR|TZ|USER|XDG_.*|SYSTEMROOT|APPDATA|LOCALAPPDATA|LD_LIBRARY_PATH|SSL_CERT_.*)$/i;

export const ownEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED.test(name)),
  );

/**
 * Below the ports that systems hand out by themselves (Linux from 32768, macOS
 * from 49152): the links of a drill take such ones all the time.
 */
const LEAST_PORT = 12_000;
const MOST_PORT = 32_000;

/** One that nobody listens on just now. */
export function freeAddress(): string {
  for (;;) {
    const port = LEAST_PORT +
      Math.floor(Math.random() * (MOST_PORT - LEAST_PORT));
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return `127.0.0.1:${port}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
