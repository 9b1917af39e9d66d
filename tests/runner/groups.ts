/**
 * Which test files run together. A process that dies takes its group with it,
 * so what talks to native code or starts brokers is a group of its own.
 */
export interface Group {
  /** As in `unit` or `integration/binding_consumer`. */
  readonly name: string;
  /** Absolute paths. */
  readonly files: readonly string[];
  readonly deadlineMs: number;
}

interface Kind {
  readonly name: string;
  /** Below the folder of all tests. */
  readonly folders: readonly string[];
  /** Too long for every run: only in a soak. */
  readonly soakFolders?: readonly string[];
  /** One group for each file, or one for all. */
  readonly split: boolean;
  /** For one group; generous, because it is there to end what hangs. */
  readonly deadlineMs: number;
}

const MINUTE_MS = 60_000;
const SOAK_DEADLINE_MS = 120 * MINUTE_MS;
const SUFFIX = "_test.ts";

const KINDS: readonly Kind[] = [
  {
    name: "unit",
    folders: ["unit", "support"],
    split: false,
    deadlineMs: 10 * MINUTE_MS,
  },
  {
    name: "integration",
    folders: ["integration"],
    split: true,
    deadlineMs: 5 * MINUTE_MS,
  },
  {
    name: "chaos",
    folders: ["chaos", "chaos/scenarios"],
    split: true,
    deadlineMs: 10 * MINUTE_MS,
  },
  {
    name: "mirror",
    folders: ["mirror"],
    split: true,
    deadlineMs: 10 * MINUTE_MS,
  },
  {
    name: "drill",
    folders: ["drill"],
    soakFolders: ["drill/long"],
    split: true,
    deadlineMs: 10 * MINUTE_MS,
  },
  {
    name: "split",
    folders: ["split"],
    soakFolders: ["split/long"],
    split: true,
    deadlineMs: 5 * MINUTE_MS,
  },
];

/** The groups below `root`, in the order in which they run. */
export function findGroups(root: string, soak = false): Group[] {
  return KINDS.flatMap((kind) => {
    const folders = soak
      ? [...kind.folders, ...kind.soakFolders ?? []]
      : kind.folders;
    const files = folders.flatMap((folder) => testFiles(root, folder));
    if (files.length === 0) return [];
    const deadlineMs = soak ? SOAK_DEADLINE_MS : kind.deadlineMs;
    return kind.split
      ? files.map((file) => ({
        name: `${kind.name}/${baseName(file)}`,
        files: [file],
        deadlineMs,
      }))
      : [{ name: kind.name, files, deadlineMs }];
  });
}

/**
 * Those with a wanted name or below it, in the order of `groups`; all when
 * nothing is wanted. A file of a group can be wanted alone, and paths of files
 * are names too, as a shell completes them.
 * @throws {RangeError} naming what matches nothing.
 */
export function selectGroups(
  groups: readonly Group[],
  wanted: readonly string[],
): Group[] {
  if (wanted.length === 0) return [...groups];
  const selected = new Map<string, Group>();
  for (const word of wanted) {
    const name = nameOf(word);
    const found = groups.filter((group) =>
      group.name === name || group.name.startsWith(`${name}/`)
    );
    if (found.length === 0) found.push(...partsOf(groups, name));
    if (found.length === 0) throw new RangeError(`no tests in "${word}"`);
    for (const group of found) selected.set(group.name, group);
  }
  const whole = groups.filter(({ name }) => selected.delete(name));
  return [...whole, ...selected.values()];
}

/** `./tests/unit/a_test.ts` is `unit/a`. */
function nameOf(word: string): string {
  const path = word.replace(/^(\.\/)?tests\//, "").replace(/\/+$/, "");
  return path.endsWith(SUFFIX) ? path.slice(0, -SUFFIX.length) : path;
}

/** The file of this name as a group of its own. */
function partsOf(groups: readonly Group[], name: string): Group[] {
  return groups.flatMap(({ files, deadlineMs }) =>
    files.filter((file) => file.endsWith(`/${name}${SUFFIX}`))
      .map((file) => ({ name, files: [file], deadlineMs }))
  );
}

function testFiles(root: string, folder: string): string[] {
  try {
    return Deno.readDirSync(`${root}/${folder}`)
      .map(({ name }) => name)
      .filter((name) => name.endsWith(SUFFIX))
      .toArray().sort()
      .map((name) => `${root}/${folder}/${name}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1, -SUFFIX.length);
}
