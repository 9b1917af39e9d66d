import { type Checked, checkProperties, checkValue, said } from "./check.ts";
import { fileVariable, readEnvironment } from "./environment.ts";
import { type Leaf, leavesOf } from "./field.ts";
import { givenPath, shown, type Source } from "./given.ts";
import { type ReferenceSources, unreadable } from "./references.ts";
import { brokenRules } from "./rules.ts";
import { type FileContent, readSettingsFile } from "./settings_file.ts";
import { type Settings, settingsSchema } from "./table.ts";

/** The outside world, passed in. */
export interface SettingsInput extends ReferenceSources {
  /** Processor cores that this process may use. */
  readonly hardwareConcurrency: number;
  readonly hostname: string;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /**
   * By path: `workers`, `embedded.rate`, and one for each librdkafka property
   * that is set: `primary.kafka["sasl.password"]`.
   */
  readonly sources: ReadonlyMap<string, Source>;
}

/** The settings are wrong; the message has a line for each problem. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/**
 * Settings from the environment, over the file that SWITCHYARD_CONFIG names,
 * over the defaults.
 *
 * @throws {SettingsError} with everything that is wrong.
 */
export function loadSettings(input: SettingsInput): LoadedSettings {
  const leaves = leavesOf(settingsSchema.shape);
  const file = readFile(input);
  const environment = readEnvironment(input.env, leaves);
  const given = new Map(
    [...file.givens, ...environment.givens]
      .map((given) => [givenPath(given), given]),
  );

  const checked = new Map<string, Checked>();
  const valueOf = (path: string) => checked.get(path)?.value;
  for (const leaf of leaves) {
    const { field, path } = leaf;
    checked.set(
      path,
      field.form === "value"
        ? checkValue(leaf, field, given.get(path), { ...input, valueOf })
        : checkProperties(
          leaf,
          [...given.values()].filter((it) => it.leaf.path === path),
          input,
        ),
    );
  }
  const problems = [
    ...file.problems,
    ...environment.problems,
    ...[...checked.values()].flatMap(({ problems }) => problems),
  ];
  const sources = new Map(
    [...checked.values()].flatMap(({ sources }) => sources),
  );

  const { data } = settingsSchema.safeParse(nested(leaves, valueOf));
  // Rules between settings cannot be judged while a part of them is unread.
  if (data !== undefined && file.problems.length === 0) {
    problems.push(
      ...brokenRules(
        data,
        (path) => checked.get(path)?.problems.length === 0,
        (path) => {
          const it = given.get(path);
          return it === undefined
            ? `${path} (default) is ${shown(valueOf(path), false)}`
            : said({ ...it, source: sources.get(path) ?? it.source });
        },
      ),
    );
  }
  if (problems.length > 0 || data === undefined) {
    throw new SettingsError(problems);
  }
  return { settings: freeze(data), sources };
}

function readFile({ env, readTextFile }: SettingsInput): FileContent {
  const path = env[fileVariable] ?? "";
  if (path === "") return { givens: [], problems: [] };
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    const problem = `${fileVariable} is ${shown(path, false)}, ${
      unreadable(error)
    }`;
    return { givens: [], problems: [problem] };
  }
  return readSettingsFile(path, text, settingsSchema.shape);
}

function nested(
  leaves: readonly Leaf[],
  valueOf: (path: string) => unknown,
): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { keys, path } of leaves) {
    let level = root;
    for (const key of keys.slice(0, -1)) {
      level = (level[key] ??= {}) as Record<string, unknown>;
    }
    level[keys.at(-1) ?? ""] = valueOf(path);
  }
  return root;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}
