/** Reads which module imports which, and says what breaks the layering. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { join, relative } from "node:path";

export interface Import {
  /** Path from the root. */
  readonly to: string;
  /** Imported for its types alone: there is nothing of it at run time. */
  readonly typeOnly: boolean;
}

export interface Module {
  /** Path from the root, with slashes. */
  readonly path: string;
  readonly source: string;
  /** Imports of other modules of the project. */
  readonly imports: readonly Import[];
}

/** By layer: what it may import besides itself; a folder or a file. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "src/main.ts": ["src/commands", "src/config"],
  "src/commands": [
    "src/pool",
    "dr",
    "src/embedded",
    "src/redrive",
    "src/telemetry",
    "src/kafka",
    "src/config",
  ],
  "src/redrive": [
    "src/pool/coordinates.ts",
    "src/pool/offset_ranges.ts",
    "src/kafka",
  ],
  "src/pool": ["src/telemetry", "src/kafka", "src/config"],
  "dr": ["src/pool", "src/telemetry", "src/kafka", "src/config"],
  "src/embedded": ["src/telemetry", "src/kafka", "src/config"],
  "workers": [
    // The protocol between threads, and never the coordinator.
    "src/pool/page.ts",
    "src/pool/coordinates.ts",
    "src/pool/done_outputs.ts",
    "src/pool/kept_outputs.ts",
    "src/pool/offset_ranges.ts",
    "src/pool/places.ts",
    "src/pool/protocol.ts",
    "src/pool/rate_limit.ts",
    "src/pool/status.ts",
    // What a mirror writes beside the records.
    "dr/formats",
    "dr/offset_map",
    "src/telemetry",
    "src/kafka",
  ],
  "src/telemetry": ["src/kafka", "src/config"],
  "src/kafka": ["src/config"],
  "src/config": [],
};

/** What a layer may know the types of: what it shows, or passes on. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  "src/pool": ["workers/retry.ts"],
  "src/telemetry": ["src/pool/status.ts"],
};

const PROGRAMS = ["src/commands", "dr/follow"];

const NATIVE =
  /\b(dlopen|DynamicLibrary|Unsafe(?:Pointer|PointerView|Callback|FnPointer)|Pointer(?:Value|Object))\b/;
const MAX_LINES = 400;

/** Everything that is wrong, a line each. */
export function layeringProblems(modules: readonly Module[]): string[] {
  return [
    ...modules.flatMap(problemsOf),
    ...cyclesOf(modules, (path) => path),
    ...cyclesOf(modules, (path) => layerOf(path) ?? path),
  ];
}

function problemsOf({ path, source, imports }: Module): string[] {
  const problems: string[] = [];
  if (layerOf(path) === undefined) problems.push(`${path} is in no layer`);
  const lines = source.replace(/\n$/, "").split("\n").length;
  if (lines > MAX_LINES) problems.push(`${path} has ${lines} lines`);
  const [native] = isIn(path, "src/kafka") ? [] : NATIVE.exec(source) ?? [];
  if (native !== undefined) problems.push(`${path} mentions ${native}`);
  for (const each of imports) {
    if (!isAllowed(path, each) || !isByTheDoor(path, each.to)) {
      problems.push(`${path} imports ${each.to}`);
    }
  }
  return problems;
}

function isAllowed(from: string, { to, typeOnly }: Import): boolean {
  const layer = layerOf(from);
  if (layer === undefined || layer === layerOf(to)) return true;
  const allowed = typeOnly
    ? [...LAYERS[layer]!, ...TYPES[layer] ?? []]
    : LAYERS[layer]!;
  return allowed.some((each) => isIn(to, each));
}

/**
 * Into `src/kafka` leads `mod.ts`, and the native build for what programs begin
 * with: the commands, and what applications import.
 */
function isByTheDoor(from: string, to: string): boolean {
  if (!isIn(to, "src/kafka") || isIn(from, "src/kafka")) return true;
  return to === "src/kafka/mod.ts" ||
    PROGRAMS.some((each) => isIn(from, each)) && isIn(to, "src/kafka/native");
}

const isIn = (path: string, place: string) =>
  path === place || path.startsWith(`${place}/`);

const layerOf = (path: string) =>
  Object.keys(LAYERS).find((layer) => isIn(path, layer));

/** Circles of value imports between the units that `unitOf` makes of paths. */
function cyclesOf(
  modules: readonly Module[],
  unitOf: (path: string) => string,
): string[] {
  const targets = new Map<string, Set<string>>();
  for (const { path, imports } of modules) {
    const unit = unitOf(path);
    const known = targets.get(unit) ?? new Set();
    targets.set(unit, known);
    for (const { to, typeOnly } of imports) {
      if (!typeOnly && unitOf(to) !== unit) known.add(unitOf(to));
    }
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (unit: string, way: readonly string[]) => {
    const at = way.indexOf(unit);
    if (at >= 0) found.push(`circle: ${[...way.slice(at), unit].join(" > ")}`);
    if (at >= 0 || done.has(unit)) return;
    for (const next of targets.get(unit) ?? []) visit(next, [...way, unit]);
    done.add(unit);
  };
  for (const unit of targets.keys()) visit(unit, []);
  return found;
}

/** What `deno info` says of a module, as far as it matters here. */
interface GraphModule {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/**
 * All modules in these folders of `root`, their imports read by Deno's own
 * parser.
 * @throws {Error} when one of them cannot be parsed.
 */
export async function readModules(
  root: string,
  folders: readonly string[],
): Promise<Module[]> {
  const files: string[] = [];
  for (const folder of folders.map((each) => join(root, each))) {
    if (await isThere(folder)) files.push(...await filesIn(folder));
  }
  const graph = new Map(
    (await graphOf(root, files)).map((each) => [each.specifier, each]),
  );
  return await Promise.all(files.map(async (file): Promise<Module> => {
    const { error, dependencies = [] } = graph.get(pathToFileURL(file).href) ??
      { error: "not in the graph" };
    if (error !== undefined) throw new Error(`${file}: ${error}`);
    const imports = dependencies.flatMap(({ code, type }): Import[] => {
      const specifier = code?.specifier ?? type?.specifier;
      if (!specifier?.startsWith(pathToFileURL(`${root}/`).href)) return [];
      const to = relative(root, fileURLToPath(specifier));
      return [{ to, typeOnly: code?.specifier === undefined }];
    });
    const source = await Deno.readTextFile(file);
    return { path: relative(root, file), source, imports };
  }));
}

async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) files.push(...await filesIn(path));
    else if (/\.[cm]?[jt]sx?$/.test(entry.name)) files.push(path);
  }
  return files.sort();
}

/** A folder that is still empty is not there in a fresh checkout. */
async function isThere(folder: string): Promise<boolean> {
  try {
    return (await Deno.stat(folder)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function graphOf(
  root: string,
  files: readonly string[],
): Promise<readonly GraphModule[]> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = join(folder, "entry.ts");
    await Deno.writeTextFile(
      entry,
      files.map((each) => `import "${pathToFileURL(each).href}";\n`).join(""),
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "info",
        "--json",
        "--no-lock",
        "--config",
        join(root, "deno.json"),
        entry,
      ],
    }).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout)).modules;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
