import {
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { z } from "zod";
import { type Leaf, leavesOf, type Shape } from "./field.ts";
import { type Given, inFile, type Source, speaker } from "./given.ts";
import { isSameName, nearestName, suggestion } from "./nearest.ts";
import { isPropertyName } from "./properties.ts";

export interface FileContent {
  readonly givens: readonly Given[];
  readonly problems: readonly string[];
}

/** Reads a settings file (JSON with comments and trailing commas). */
export function readSettingsFile(
  path: string,
  content: string,
  shape: Shape,
): FileContent {
  const text = content.replace(/^\uFEFF/, "");
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, {
    allowTrailingComma: true,
    allowEmptyContent: true,
  });
  const place = lineFinder(path, text);
  if (errors.length > 0) {
    return { givens: [], problems: syntaxProblems(errors, place) };
  }
  const givens: Given[] = [];
  const problems: string[] = [];
  const walk: Walk = { place, leaves: leavesOf(shape) };
  for (const found of root ? readLevel(walk, root, shape, []) : []) {
    if (typeof found === "string") problems.push(found);
    else givens.push(found);
  }
  return { givens, problems };
}

type FileSource = Extract<Source, { kind: "file" }>;
type LineFinder = (offset: number) => FileSource;

function lineFinder(path: string, text: string): LineFinder {
  return (offset) => {
    const before = text.slice(0, offset).split(/\r\n|\n|\r/);
    const column = (before.at(-1) ?? "").length + 1;
    return { kind: "file", path, line: before.length, column };
  };
}

/** The first of each line: the parser finds more that only follow from it. */
function syntaxProblems(errors: readonly ParseError[], place: LineFinder) {
  const byLine = new Map<number, string>();
  for (const { error, offset } of errors) {
    const { path, line, column } = place(offset);
    if (byLine.has(line)) continue;
    const words = printParseErrorCode(error)
      .replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    byLine.set(line, `${path}:${line}:${column}: ${words}`);
  }
  return [...byLine.values()];
}

interface Walk {
  readonly place: LineFinder;
  readonly leaves: readonly Leaf[];
}

/** A value, or the text of a problem. */
type Found = Given | string;

/** Walks file and schema side by side. */
function* readLevel(
  walk: Walk,
  node: Node,
  shape: Shape,
  above: readonly string[],
): Generator<Found> {
  for (const member of members(walk, node, above)) {
    if (typeof member === "string") {
      yield member;
      continue;
    }
    const { key, source, value } = member;
    const keys = [...above, key];
    const path = keys.join(".");
    const schema = shape[key];
    const leaf = walk.leaves.find((leaf) => leaf.path === path);
    if (schema instanceof z.ZodObject) {
      yield* readLevel(walk, value, schema.shape, keys);
    } else if (leaf === undefined) {
      yield `unknown key ${inFile(JSON.stringify(path), source)}` +
        suggestion(meant(walk, key, shape, above));
    } else if (leaf.field.form === "properties") {
      yield* readProperties(walk, value, leaf);
    } else {
      yield { leaf, value: getNodeValue(value), source };
    }
  }
}

function* readProperties(
  walk: Walk,
  node: Node,
  leaf: Leaf,
): Generator<Found> {
  for (const member of members(walk, node, leaf.keys)) {
    if (typeof member === "string") {
      yield member;
      continue;
    }
    const { key: property, source, value } = member;
    const given = { leaf, property, source };
    yield isPropertyName(property)
      ? { ...given, value: getNodeValue(value) }
      : `unknown key ${speaker(given)}; expected a librdkafka property such ` +
        "as sasl.username";
  }
}

interface Member {
  readonly key: string;
  readonly value: Node;
  readonly source: FileSource;
}

function* members(
  { place }: Walk,
  node: Node,
  keys: readonly string[],
): Generator<Member | string> {
  if (node.type !== "object") {
    // Not quoted: the value may be a secret in the wrong place.
    const name = keys.length === 0
      ? "settings"
      : JSON.stringify(keys.join("."));
    yield `${inFile(name, place(node.offset))}: expected an object, not ` +
      node.type;
    return;
  }
  const lines = new Map<string, number>();
  for (const { children: [name, value] = [] } of node.children ?? []) {
    if (name === undefined || value === undefined) continue;
    const key = String(name.value);
    const source = place(name.offset);
    const before = lines.get(key);
    if (before === undefined) {
      lines.set(key, source.line);
      yield { key, source, value };
    } else {
      const name = JSON.stringify([...keys, key].join("."));
      yield `${inFile(name, source)} was given before, in line ${before}`;
    }
  }
}

/**
 * The setting whose path, last key or environment variable this is, else a
 * near one of this level, else a near one anywhere.
 */
function meant(
  { leaves }: Walk,
  key: string,
  shape: Shape,
  above: readonly string[],
): string | undefined {
  const path = [...above, key].join(".");
  const same = leaves.find((leaf) =>
    isSameName(leaf.path, path) ||
    [leaf.path, leaf.keys.at(-1) ?? "", leaf.field.env]
      .some((name) => isSameName(name, key))
  );
  return same?.path ?? nearestName(key, Object.keys(shape)) ??
    nearestName(path, leaves.map((leaf) => leaf.path));
}
