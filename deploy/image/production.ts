/**
 * Makes of the project in the current folder what an image runs: only the
 * packages that the program imports, and its modules translated, so that nothing
 * is fetched, written or translated later. For the Dockerfile; it changes
 * deno.json, deno.lock and node_modules, whose versions stay as they were locked.
 */

const FOLDERS = ["src", "workers", "dr"];
/** Imports every module, also those that only a thread or a process loads. */
const ALL = "all.ts";
/** What is for editors and debuggers: half of what packages weigh. */
const FOR_PEOPLE = /\.(map|d\.[cm]?ts)$/;

interface Config {
  readonly imports: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

interface Graph {
  readonly modules: readonly {
    readonly dependencies?: readonly {
      readonly specifier: string;
      /** Absent: only types are imported. */
      readonly code?: unknown;
    }[];
  }[];
}

/** Paths below the folder; links are not followed. */
function filesIn(folder: string): string[] {
  return Deno.readDirSync(folder).toArray().flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return filesIn(path);
    return entry.isFile ? [path] : [];
  });
}

async function deno(...args: readonly string[]): Promise<string> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`deno ${args[0]} failed`);
  return new TextDecoder().decode(stdout);
}

function write(config: Config): void {
  Deno.writeTextFileSync("deno.json", JSON.stringify(config, null, 2) + "\n");
}

const imports = FOLDERS.flatMap(filesIn)
  .filter((path) => path.endsWith(".ts"))
  .map((path) => `import "./${path}";\n`).sort();
Deno.writeTextFileSync(ALL, imports.join(""));
const graph: Graph = JSON.parse(await deno("info", "--json", ALL));
const used = new Set(
  graph.modules.flatMap(({ dependencies = [] }) =>
    dependencies.filter(({ code }) => code !== undefined)
      .map(({ specifier }) => specifier)
  ),
);
const { tasks: _, ...config }: Config = JSON.parse(
  Deno.readTextFileSync("deno.json"),
);
const production: Config = {
  ...config,
  imports: Object.fromEntries(
    Object.entries(config.imports).filter(([name, target]) =>
      target.startsWith("./") || used.has(name)
    ),
  ),
};
write(production);
Deno.removeSync("node_modules", { recursive: true });
// With --cached-only it would leave in the lock file what is not used any more.
await deno("install", "--no-check", "--entrypoint", ALL);
Deno.removeSync(ALL);
for (const path of filesIn("node_modules")) {
  if (FOR_PEOPLE.test(path)) Deno.removeSync(path);
}
// Otherwise Deno would want to look after node_modules at each start.
write({ ...production, nodeModulesDir: "manual" });
