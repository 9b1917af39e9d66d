/** The environment of processes that a drill starts. */

/** What Deno and librdkafka need to run, and nothing of this process' settings. */
const NEEDED =
  /^(DENO_.*|HOME|LANG|LC_.*|NPM_CONFIG_.*|PATH|TEMP|TMP|TMPDIR|TZ|USER|XDG_.*|SYSTEMROOT|APPDATA|LOCALAPPDATA|LD_LIBRARY_PATH|SSL_CERT_.*)$/i;

export const ownEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED.test(name)),
  );

/**
 * Below those of outgoing connections (Linux from 32768, macOS from 49152): one
 * of them would take the place of a role before it has started, or starts again.
 */
const LOWEST_PORT = 12_000;
const HIGHEST_PORT = 32_000;
const hostname = "127.0.0.1";

/** One that nobody listens on just now. */
export function freeAddress(): string {
  for (;;) {
    const port = LOWEST_PORT +
      Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    try {
      Deno.listen({ hostname, port }).close();
      return `${hostname}:${port}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
