/** The environment of processes that a drill starts. */

/** What Deno and librdkafka need to run, and nothing of this process' settings. */
const NEEDED =
  /^(DENO_.*|HOME|LANG|LC_.*|NPM_CONFIG_.*|PATH|TEMP|TMP|TMPDIR|TZ|USER|XDG_.*|SYSTEMROOT|APPDATA|LOCALAPPDATA|LD_LIBRARY_PATH|SSL_CERT_.*)$/i;

export const ownEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED.test(name)),
  );

/** One that nobody listens on just now. */
export function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}
