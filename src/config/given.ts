import type { Leaf } from "./field.ts";
import { looksSecret } from "./properties.ts";

/** Where a setting's value comes from. Lines and columns count from 1. */
export type Source =
  | { readonly kind: "default" }
  | {
    readonly kind: "file";
    readonly path: string;
    readonly line: number;
    readonly column: number;
    readonly reference?: string;
  }
  | {
    readonly kind: "environment";
    readonly name: string;
    /** `env:NAME` or `file:/path`, when the value came through one. */
    readonly reference?: string;
  };

/** A value as somebody wrote it, not yet checked. */
export interface Given {
  readonly leaf: Leaf;
  /** librdkafka property, when the setting is a record of them. */
  readonly property?: string;
  readonly value: unknown;
  readonly source: Source;
}

/** `workers`, `embedded.rate`, `primary.kafka["sasl.password"]`. */
export function givenPath(
  { leaf, property }: Pick<Given, "leaf" | "property">,
) {
  return property === undefined
    ? leaf.path
    : `${leaf.path}[${JSON.stringify(property)}]`;
}

/** The value as it may be shown; `***` stands for a secret. */
export function shown(value: unknown, secret: boolean): string {
  if (secret) return "***";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = withoutCredentials(JSON.stringify(value) ?? String(value));
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

/** `https://user:password@host` without the password's owner and itself. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(\w:\/\/)[^\s/@"]+@/g, "$1***@");
}

export function isSecret({ leaf, property }: Pick<Given, "leaf" | "property">) {
  return leaf.field.secret === true ||
    (property !== undefined && looksSecret(property));
}

/** Who said it, as problems begin: `WORKERS`, `"workers" in a.jsonc:3:5`. */
export function speaker(given: Pick<Given, "leaf" | "property" | "source">) {
  const { source } = given;
  switch (source.kind) {
    case "default":
      return `${givenPath(given)} (default)`;
    case "environment":
      return source.name;
    case "file":
      return inFile(
        given.property === undefined
          ? JSON.stringify(given.leaf.path)
          : givenPath(given),
        source,
      );
  }
}

interface Place {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

export function inFile(what: string, { path, line, column }: Place): string {
  return `${what} in ${path}:${line}:${column}`;
}
