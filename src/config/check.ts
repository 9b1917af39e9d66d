import {
  type DefaultContext,
  isDerived,
  isPropertyValue,
  type Leaf,
  type PropertyValue,
  type ValueField,
} from "./field.ts";
import {
  type Given,
  givenPath,
  isSecret,
  shown,
  type Source,
  speaker,
} from "./given.ts";
import { ownershipReason } from "./properties.ts";
import { expand, type ReferenceSources } from "./references.ts";

/** What became of a setting. Without problems it is valid. */
export interface Checked {
  /** The default, when what was given is invalid: so other checks can go on. */
  readonly value: unknown;
  readonly sources: readonly (readonly [path: string, source: Source])[];
  readonly problems: readonly string[];
}

/** Checks a setting that has one value. */
export function checkValue(
  leaf: Leaf,
  field: ValueField,
  given: Given | undefined,
  input: ReferenceSources & DefaultContext,
): Checked {
  const byDefault = isDerived(field.default)
    ? field.default.of(input)
    : field.default;
  const refused = (problem: string): Checked => ({
    value: byDefault,
    sources: [],
    problems: [problem],
  });
  const read = readGiven(
    given ?? { leaf, value: byDefault, source: { kind: "default" } },
    input,
  );
  if (typeof read === "string") return refused(read);

  const value = read.isText && typeof read.value === "string"
    ? field.kind.fromText(read.value)
    : read.value;
  const { success, data, error } = leaf.schema.safeParse(value, {
    error: () => `expected ${field.kind.expected}`,
  });
  if (success) {
    return { value: data, sources: [[leaf.path, read.source]], problems: [] };
  }
  const [issue] = error.issues;
  const isBeyond = issue?.code === "too_small" || issue?.code === "too_big";
  const why = isBeyond && field.why !== undefined ? `: ${field.why}` : "";
  // What a reference brought may be a secret, and such messages quote.
  const problem = issue?.code === "custom" && referenceOf(read) !== undefined
    ? `expected ${field.kind.expected}`
    : issue?.message;
  return refused(`${said(read)}; ${problem}${why}`);
}

/** Checks a record of librdkafka properties, of which the invalid are left out. */
export function checkProperties(
  leaf: Leaf,
  givens: readonly Given[],
  input: ReferenceSources,
): Checked {
  const values: [string, PropertyValue][] = [];
  const sources: [string, Source][] = [];
  const problems: string[] = [];
  for (const given of givens) {
    const { property = "" } = given;
    const owned = ownershipReason(property);
    if (owned !== undefined) {
      problems.push(`${speaker(given)} cannot be set: ${owned}`);
      continue;
    }
    const read = readGiven(given, input);
    if (typeof read === "string") problems.push(read);
    else if (isPropertyValue(read.value)) {
      values.push([property, read.value]);
      sources.push([givenPath(given), read.source]);
    } else {
      problems.push(`${said(read)}; expected text, a number, true or false`);
    }
  }
  if (sources.length === 0) sources.push([leaf.path, { kind: "default" }]);
  return { value: Object.fromEntries(values), sources, problems };
}

/** A value with what it said: `WORKERS is "abc"`. */
export function said(given: Given): string {
  const reference = referenceOf(given);
  // A reference may have brought a secret to the wrong place.
  const secret = isSecret(given) || reference !== undefined;
  const origin = reference === undefined ? "" : ` (from ${reference})`;
  return `${speaker(given)} is ${shown(given.value, secret)}${origin}`;
}

const referenceOf = ({ source }: Given) =>
  source.kind === "default" ? undefined : source.reference;

/** Expands references; a text is the problem with one of them. */
function readGiven(
  given: Given,
  input: ReferenceSources,
): (Given & { readonly isText: boolean }) | string {
  const { source, value } = given;
  const isText = source.kind === "environment";
  if (source.kind === "default" || typeof value !== "string") {
    return { ...given, isText };
  }
  const expanded = expand(value, input);
  switch (expanded.state) {
    case "literal":
      return { ...given, isText };
    case "expanded": {
      const { text, reference } = expanded;
      const referring = { ...source, reference };
      return { ...given, value: text, source: referring, isText: true };
    }
    case "failed":
      return `${speaker(given)} ${expanded.problem}`;
  }
}
