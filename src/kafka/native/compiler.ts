import { stripVTControlCharacters } from "node:util";

/** A C compiler that makes programs out of sources. */
export type Compiler = Readonly<{
  command: readonly string[];
  /** As the compiler itself says it. */
  version: string;
  environment: Readonly<Record<string, string>>;
}>;

const EMPTY_PROGRAM =
  "#include <stdio.h>\n#include <pthread.h>\nint main(void) { return 0; }";

/** The one that `CC` names, or else the first of those that are usual. */
export async function findCompiler(
  environment: Readonly<Record<string, string>>,
): Promise<Compiler | null> {
  const chosen = words(Deno.env.get("CC"));
  const candidates = chosen.length > 0
    ? [chosen]
    : [["gcc"], ["clang"], ["cc"]];
  for (const command of candidates) {
    const version = await toolVersion([...command, "--version"]);
    if (version === null) continue;
    const compiler = { command, version, environment };
    // Without the C library's headers it answers, and is of no use.
    if (await compiles(compiler, EMPTY_PROGRAM, ["-lpthread"])) return compiler;
  }
  return null;
}

/** Whether the program compiles and links. */
export async function compiles(
  { command: [name = "", ...args], environment }: Compiler,
  program: string,
  links: readonly string[],
): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "switchyard-probe-" });
  try {
    const source = `${folder}/probe.c`;
    await Deno.writeTextFile(source, program);
    const { success } = await new Deno.Command(name, {
      args: [
        ...args,
        ...words(environment.CPPFLAGS),
        ...words(environment.CFLAGS),
        source,
        ...words(environment.LDFLAGS),
        ...links,
        "-o",
        `${folder}/probe`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** First line that a command prints, or null if it cannot be run. */
export async function toolVersion(
  [name = "", ...args]: readonly string[],
): Promise<string | null> {
  try {
    const command = new Deno.Command(name, { args, stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    // Apple ships a `cc` and a `java` that only say that there is none.
    if (!success) return null;
    const text = new TextDecoder().decode(stdout.length > 0 ? stdout : stderr);
    const [line = ""] = stripVTControlCharacters(text).split("\n", 1);
    return line.trim();
  } catch (error) {
    const cannotRun = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable;
    if (cannotRun) return null;
    throw error;
  }
}

function words(text = ""): string[] {
  return text.split(/\s+/).filter(Boolean);
}
