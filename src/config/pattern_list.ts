/**
 * Lists of names and Java's regular expressions, comma-separated, as
 * MirrorMaker 2's properties have them.
 */
import { compileJavaPattern, PatternError } from "./java_pattern.ts";

/** A list as in MirrorMaker 2's properties, or its parts. */
export type NameList = string | readonly string[];

/**
 * What matches one of the list as a whole; null where the list is empty.
 *
 * Its parts are joined by "|" before they are compiled, as Java does: so a flag
 * holds for the parts behind it too, and a comma in a pattern divides it.
 * @throws {PatternError} naming the place
 */
export function compilePatternList(list: NameList): RegExp | null {
  const parts = partsOf(list);
  if (parts.length === 0) return null;
  if (parts.includes("")) {
    throw new PatternError("a part of the list is empty");
  }
  try {
    return compileJavaPattern(parts.join("|"));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const hint = parts.some((part) => /\{\d+$/.test(part))
      ? "; a comma divides the list, also in {1,2}"
      : "";
    throw new PatternError(error.message + hint);
  }
}

function partsOf(list: NameList): readonly string[] {
  if (typeof list !== "string") return list;
  const text = list.trim();
  return text === "" ? [] : text.split(/\s*,\s*/);
}
