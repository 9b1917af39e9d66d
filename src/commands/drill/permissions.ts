/** What Deno must allow our commands. */
import { tmpdir } from "node:os";

/**
 * The Dockerfile grants the same. Native code cannot be confined, so these keep
 * mistakes in, and no malice.
 * @param programs that may be run as well
 */
export const permissions = (programs: readonly string[] = []): string[] => [
  "--allow-env", // settings, and references to any variable in them
  "--allow-ffi", // librdkafka
  "--allow-net", // health and metrics, the gateway
  "--allow-read", // settings, secrets and processors, wherever they are
  `--allow-run=${[Deno.execPath(), ...programs].join()}`, // a drill's roles
  "--allow-sys=hostname,uid", // the instance's name
  `--allow-write=${tmpdir()}`, // locks of names; what a drill heard
];
