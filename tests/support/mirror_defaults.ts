/** The mirror's settings where nobody set anything. */
import { loadSettings } from "../../src/config/mod.ts";

export const MIRROR_DEFAULTS = loadSettings({
  env: {},
  readTextFile: (path) => {
    throw new Deno.errors.NotFound(path);
  },
  hardwareConcurrency: 1,
  hostname: "host",
}).settings.mirror;
