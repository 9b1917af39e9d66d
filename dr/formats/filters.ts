/**
 * MirrorMaker 2's filters: comma-separated lists of names and Java's regular
 * expressions, where a name must match as a whole. Pure.
 */
import { PatternError } from "./errors.ts";
import { compileJavaPattern } from "./java_pattern.ts";

export type NameFilter = (name: string) => boolean;

/** A list as in MirrorMaker 2's properties, or its parts. */
export type NameList = string | readonly string[];

/** `topics` and `topics.exclude` of MirrorMaker 2 4.3.1. */
export const DEFAULT_TOPICS = ".*";
export const DEFAULT_TOPICS_EXCLUDED = String
  .raw`mm2.*\.internal, .*\.replica, __.*`;
/** `groups` and `groups.exclude`. */
export const DEFAULT_GROUPS = ".*";
export const DEFAULT_GROUPS_EXCLUDED = "console-consumer-.*, connect-.*, __.*";

/** @throws {PatternError} naming the setting and the place */
export function topicFilter(
  topics: NameList = DEFAULT_TOPICS,
  topicsExcluded: NameList = DEFAULT_TOPICS_EXCLUDED,
): NameFilter {
  return within(
    namePattern("topics", topics),
    namePattern("topics.exclude", topicsExcluded),
  );
}

/** @throws {PatternError} naming the setting and the place */
export function groupFilter(
  groups: NameList = DEFAULT_GROUPS,
  groupsExcluded: NameList = DEFAULT_GROUPS_EXCLUDED,
): NameFilter {
  return within(
    namePattern("groups", groups),
    namePattern("groups.exclude", groupsExcluded),
  );
}

/**
 * What one list matches; an empty list nothing.
 *
 * Its parts are joined by "|" before they are compiled, as Java does: so a flag
 * holds for the parts behind it too, and a comma in a pattern divides it.
 * @throws {PatternError} naming `setting` and the place
 */
export function namePattern(setting: string, list: NameList): NameFilter {
  const parts = partsOf(list);
  if (parts.length === 0) return () => false;
  if (parts.includes("")) {
    throw new PatternError(`${setting}: a part of the list is empty`);
  }
  try {
    const pattern = compileJavaPattern(parts.join("|"));
    return (name) => pattern.test(name);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const hint = parts.some((part) => /\{\d+$/.test(part))
      ? "; a comma divides the list, also in {1,2}"
      : "";
    throw new PatternError(`${setting}: ${error.message}${hint}`);
  }
}

function partsOf(list: NameList): readonly string[] {
  if (typeof list !== "string") return list;
  const text = list.trim();
  return text === "" ? [] : text.split(/\s*,\s*/);
}

const within =
  (included: NameFilter, excluded: NameFilter): NameFilter => (name) =>
    included(name) && !excluded(name);
