/** Java's regular expressions, for formats_java_test.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { compileJavaPattern, PatternError } from "../../dr/formats/mod.ts";
import { cases, type Comparison, equals } from "../support/mirror_decisions.ts";

const character = fc.constantFrom(..."aAbB.-_19@kKé\u212a");
const piece = fc.constantFrom(
  ..."abAB1.-_|()[]*+?^$\\{},&",
  ...["\\d", "\\W", "\\s", "\\-", "\\.", "[a-b", "[^", "(?:", "(?=", "(?!"],
  ...["(?i)", "(?i:", "(?<!", "\\Q", "\\E", "{2}", "{1,2}", "\\b", "\\x41"],
  ...["(?>", "\\1", "&&", "\\p{L}", "(?x)", "\\A", "\\z", "*?", "++"],
);
const member = fc.constantFrom(
  ...["a", "B", "-", "\\-", "\\d", "\\W", "a-b", "A-\\x42", ".", "\\.", "^"],
  ...["$", "(", "|", "*", "&", "\\]", "\\w", "\\S", "@", "Y-k", "é"],
);
const atom = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."abAB.1kKé", "\\.", "\\-") },
  fc.constantFrom("\\d", "\\D", "\\w", "\\W", "\\S", "\\Qa.\\E", "\\x62"),
  fc.tuple(
    fc.constantFrom("[", "[^"),
    fc.array(member, { minLength: 1, maxLength: 4 }),
  ).map(([open, members]) => `${open}${members.join("")}]`),
);
const quantifier = fc.constantFrom(
  ...["", "", "", "*", "+", "?", "*?", "{2}", "{1,}", "{0,2}?"],
);
const wellFormed = fc.letrec<{ pattern: string; item: string }>((tie) => ({
  pattern: fc.array(tie("item"), { maxLength: 4 }).map((items) =>
    items.join("")
  ),
  item: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    {
      weight: 5,
      arbitrary: fc.tuple(atom, quantifier).map((each) => each.join("")),
    },
    fc.constantFrom("|", "(?i)", "^", "$", "\\b", "(?!__)", "(?<!-)"),
    fc.tuple(
      fc.constantFrom("(", "(?:", "(?i:"),
      tie("pattern"),
      quantifier,
    ).map(([open, inside, repeat]) => `${open}${inside})${repeat}`),
    fc.tuple(fc.constantFrom("(?=", "(?!"), tie("pattern"))
      .map(([open, inside]) => `${open}${inside})`),
  ),
})).pattern;
const soup = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(""));

export function patterns(): Comparison[] {
  const somewhat = fc.array(character, { maxLength: 5 })
    .map((characters) => characters.join(""));
  const candidates = fc.array(somewhat, { minLength: 60, maxLength: 60 });
  let compiled = 0;
  const compare = (pattern: string, names: readonly string[]): Comparison[] => {
    const ours = tryCompile(pattern);
    // What we refuse, Java may take: that is what the user is told.
    if (ours === null) return [];
    compiled++;
    // What a word is outside of ASCII has changed from Java to Java.
    const asked = /\\b/i.test(pattern)
      ? names.filter((name) => /^[ -~]*$/.test(name))
      : names;
    return [{
      question: { kind: "pattern", pattern, names: asked },
      check: equals(asked.map((name) => ours.test(name))),
    }];
  };
  const regular = cases(fc.tuple(wellFormed, candidates), 400);
  const found = regular.flatMap(([pattern, names]) => compare(pattern, names));
  assert.ok(compiled > regular.length * 0.9, `${compiled} compiled`);
  return [
    ...found,
    ...cases(fc.tuple(soup, candidates), 1500)
      .flatMap(([pattern, names]) => compare(pattern, names)),
  ];
}

function tryCompile(pattern: string): RegExp | null {
  try {
    return compileJavaPattern(pattern);
  } catch (error) {
    assert.ok(error instanceof PatternError, String(error));
    return null;
  }
}
