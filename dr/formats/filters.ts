/**
 * MirrorMaker 2's filters: comma-separated lists of names and Java's regular
 * expressions, where a name must match as a whole. Pure.
 */
import { PatternError } from "../../src/config/java_pattern.ts";
import {
  compilePatternList,
  type NameList,
} from "../../src/config/pattern_list.ts";

export type NameFilter = (name: string) => boolean;
export type { NameList };

/** @throws {PatternError} naming the setting and the place */
export function topicFilter(
  topics: NameList,
  topicsExcluded: NameList,
): NameFilter {
  return within(
    namePattern("topics", topics),
    namePattern("topics.exclude", topicsExcluded),
  );
}

/** @throws {PatternError} naming the setting and the place */
export function groupFilter(
  groups: NameList,
  groupsExcluded: NameList,
): NameFilter {
  return within(
    namePattern("groups", groups),
    namePattern("groups.exclude", groupsExcluded),
  );
}

/**
 * What one list matches; an empty list nothing.
 * @throws {PatternError} naming `setting` and the place
 */
export function namePattern(setting: string, list: NameList): NameFilter {
  try {
    const pattern = compilePatternList(list);
    return (name) => pattern?.test(name) ?? false;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new PatternError(`${setting}: ${error.message}`);
  }
}

const within =
  (included: NameFilter, excluded: NameFilter): NameFilter => (name) =>
    included(name) && !excluded(name);
