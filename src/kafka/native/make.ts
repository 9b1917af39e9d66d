import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { NativeError } from "./error.ts";
import { platform } from "./platform.ts";
import { probeLibrary } from "./probe.ts";
import type { BuildProgress } from "./progress.ts";
import { run } from "./run.ts";
import type { LibrarySource } from "./source.ts";
import type { Part, Toolchain } from "./toolchain.ts";

export type MakeOptions = Readonly<{
  onProgress?: ((progress: BuildProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}>;

/** Of the source, what the C library is not made of. */
const NOT_COPIED = ["tests", "win32", "src-cpp"];

/**
 * Makes librdkafka in the folder, which is empty.
 *
 * @returns path of the library
 * @throws NativeError with the end of the log
 */
export async function make(
  folder: string,
  log: string,
  source: LibrarySource,
  { environment, parts }: Toolchain,
  { onProgress, signal }: MakeOptions,
): Promise<string> {
  const { makeTarget } = platform();
  const optional = (component: string) =>
    parts.some((part) => part.component === component && part.state === "found")
      ? "enable"
      : "disable";
  onProgress?.({ phase: "configuring", version: source.version });
  await cp(source.folder, folder, {
    recursive: true,
    filter: (path) => !NOT_COPIED.includes(basename(path)),
  });
  await Deno.writeTextFile(log, "");
  const base = { folder, environment, log, signal };
  // Each feature is named: left to itself, configure drops silently what it
  // does not find. Its PWD is relative, for it breaks where paths have spaces.
  await run([
    "bash",
    "-c",
    'PWD=. && . ./configure "$@"',
    "./configure",
    "--no-download",
    "--enable-ssl",
    "--enable-zlib",
    "--enable-zstd",
    `--${optional("curl")}-curl`,
    `--${optional("sasl")}-gssapi`,
    "--disable-lz4-ext",
    "--disable-debug-symbols",
  ], base);

  const jobs = navigator.hardwareConcurrency;
  const command = ["make", "-C", "src", `-j${jobs}`, makeTarget];
  const total = await countSources(command, folder, environment);
  let begun = 0;
  await run(command, {
    ...base,
    onLine: (line) => {
      if (line.includes("Creating shared library")) {
        onProgress?.({ phase: "linking" });
      } else if (isCompilation(line)) {
        begun++;
        const compiled = Math.max(0, begun - jobs);
        onProgress?.({ phase: "compiling", compiled, total });
      }
    },
  });
  const library = join(folder, "src", makeTarget);
  checkFeatures(library, parts);
  return library;
}

/** What `make` would compile, as it says itself. */
async function countSources(
  [name = "", ...args]: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const command = new Deno.Command(name, {
    args: [...args, "-n"],
    cwd: folder,
    env,
  });
  const { stdout } = await command.output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  return Math.max(1, lines.filter(isCompilation).length);
}

function isCompilation(line: string): boolean {
  return / -c \S+\.c -o /.test(line);
}

function checkFeatures(library: string, parts: readonly Part[]): void {
  const expected = ["ssl", "gzip", "zstd", "lz4", "snappy", "sasl_scram"];
  for (const { component, state } of parts) {
    if (component === "curl" && state === "found") expected.push("oidc");
    if (component === "sasl" && state === "found") expected.push("sasl_gssapi");
  }
  const { features } = probeLibrary(library);
  const absent = expected.filter((feature) => !features.includes(feature));
  if (absent.length === 0) return;
  throw new NativeError(
    `librdkafka was built, but without ${absent.join(", ")}.`,
  );
}
