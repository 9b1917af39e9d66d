import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { NativeError } from "./error.ts";
import { holdLock } from "./lock.ts";
import { make, type MakeOptions } from "./make.ts";
import { platform } from "./platform.ts";
import { probeIfUsable } from "./probe.ts";
import { type LibrarySource, librarySource } from "./source.ts";
import { inspectToolchain, requireToolchain } from "./toolchain.ts";

export type BuildOptions =
  & MakeOptions
  & Readonly<{
    /** Builds even if a usable library stands there. */
    force?: boolean | undefined;
    source?: LibrarySource | undefined;
    /** Folder that holds the builds. */
    home?: string | undefined;
  }>;

/** `.native` of the project, wherever the program was started from. */
export const NATIVE_HOME = fileURLToPath(
  new URL("../../../.native", import.meta.url),
);

const TEMPORARY = "tmp-";

/** Where the build of a librdkafka version stands, once it is finished. */
export function builtPath(version: string, home = NATIVE_HOME): string {
  const { os, arch, libraryFile } = platform();
  return join(home, `${version}-${os}-${arch}`, libraryFile);
}

/**
 * Builds librdkafka out of the npm package's source, unless that is done.
 * The library appears under its name by one rename, so what stands there is
 * finished whatever happened; processes that build at once wait for the first.
 *
 * @returns path of the library
 * @throws NativeError naming what is missing, or with the end of the log
 */
export async function buildNative(options: BuildOptions = {}): Promise<string> {
  const { onProgress, signal, force = false } = options;
  const { source = librarySource(), home = NATIVE_HOME } = options;
  const target = builtPath(source.version, home);
  await makeFolder(dirname(target));
  using _lock = await holdLock(
    join(home, "lock"),
    () => onProgress?.({ phase: "waiting" }),
    signal,
  );
  if (!force && probeIfUsable(target) !== null) return target;
  const toolchain = await inspectToolchain();
  requireToolchain(toolchain);
  await removeLeftovers(home);
  const startedMs = performance.now();
  const folder = await Deno.makeTempDir({ dir: home, prefix: TEMPORARY });
  try {
    const log = `${dirname(target)}.log`;
    const library = await make(folder, log, source, toolchain, options);
    await install(library, target);
    const seconds = (performance.now() - startedMs) / 1000;
    const without = toolchain.parts.filter(({ state }) => state !== "found");
    onProgress?.({ phase: "built", path: target, seconds, without });
    return target;
  } catch (error) {
    onProgress?.({ phase: "failed" });
    throw error;
  } finally {
    await removeFolder(folder);
  }
}

/** Flushed first: after a power cut, what has the name has the content. */
async function install(library: string, target: string): Promise<void> {
  using file = await Deno.open(library, { write: true });
  await file.sync();
  await Deno.rename(library, target);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (cause) {
    throw new NativeError(
      `librdkafka cannot be built, because ${path} cannot be made: ${
        (cause as Error).message
      }. Build it where the project's folder can be written, or set LIBRDKAFKA_PATH to a librdkafka of version 2.8 or later.`,
      { cause },
    );
  }
}

/** Whoever holds the lock is the only builder: others' folders are orphans. */
async function removeLeftovers(home: string): Promise<void> {
  for await (const { name } of Deno.readDir(home)) {
    if (name.startsWith(TEMPORARY)) await removeFolder(join(home, name));
  }
}

async function removeFolder(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch {
    // A compiler that has not yet noticed our end may still write there; the
    // next build removes what is left.
  }
}
