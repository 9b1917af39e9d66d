/**
 * Java's regular expressions in JavaScript: what is accepted matches the same
 * names in both, and whatever would not is refused, with the place.
 *
 * Translated, because the two differ in it: `(?i)` up to the end of its group,
 * `\Q..\E`, `\A`, `\z`, `\a`, `\e`, `\s`, `.`, literal `-` and `]`, and escapes
 * of characters that need none. Refused: possessive quantifiers, atomic groups,
 * other flags, back references, `\p{..}`, `\Z`, `\G`, `\R`, `\h`, sets in sets
 * and `&&`. Outside of ASCII two things may differ: `\b`, and after `(?i)` the
 * letters k and s, which JavaScript takes for the Kelvin sign and the long s too.
 */
import { PatternError } from "./errors.ts";

/** A pattern for whole names, as `Matcher.matches()` takes it. */
export function compileJavaPattern(pattern: string): RegExp {
  return new RegExp(`^(?:${new Translation(pattern).run()})$`, "v");
}

const QUANTIFIERS = "*+?{";
const CONTROL: Readonly<Record<string, number>> = {
  t: 0x09,
  n: 0x0a,
  r: 0x0d,
  f: 0x0c,
  a: 0x07,
  e: 0x1b,
};
const SPACE = String.raw`\t\n\v\f\r\u{20}`;
/** Predefined sets; each is a set of its own, also in a set. */
const SETS: Readonly<Record<string, string>> = {
  d: "[0-9]",
  D: "[^0-9]",
  w: "[A-Za-z0-9_]",
  W: "[^A-Za-z0-9_]",
  s: `[${SPACE}]`,
  S: `[^${SPACE}]`,
};
const ANCHORS: Readonly<Record<string, string>> = {
  b: String.raw`\b`,
  B: String.raw`\B`,
  A: "^",
  z: "$",
};
/** By their beginnings: what is written, and whether it can be repeated. */
const GROUPS: readonly [string, string, boolean][] = [
  ["(?:", "(?:", true],
  ["(?i:", "(?i:", true],
  ["(?=", "(?=", false],
  ["(?!", "(?!", false],
  ["(?<=", "(?<=", false],
  ["(?<!", "(?<!", false],
];
const NAMED = /^\(\?<[A-Za-z][A-Za-z0-9]*>/;

/** One character of a name, or a set of them. */
type Escaped = { readonly literal: string } | { readonly set: string };

class Translation {
  readonly #pattern: string;
  /** Without `\Q` and `\E`: what stood between them is escaped. */
  readonly #text: readonly string[];
  #at = 0;
  #ignoresCase = false;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#text = [...unquote(pattern)];
  }

  run(): string {
    const translated = this.#alternatives();
    if (this.#at < this.#text.length) throw this.#error("opens no group", ")");
    return translated;
  }

  /** Up to the end of the group. A flag holds for what follows in it. */
  #alternatives(): string {
    const outside = this.#ignoresCase;
    let translated = "";
    let close = "";
    for (let next = this.#peek(); next !== ""; next = this.#peek()) {
      if (next === ")") break;
      if (next === "|") {
        this.#at++;
        translated += close + "|" + (close && "(?i:");
      } else if (this.#take("(?i)")) {
        if (close === "") translated += "(?i:";
        close = ")";
        this.#ignoresCase = true;
      } else translated += this.#repeated();
    }
    this.#ignoresCase = outside;
    return translated + close;
  }

  #repeated(): string {
    const [atom, isRepeatable] = this.#atom();
    const quantifier = this.#quantifier();
    if (quantifier !== "" && !isRepeatable) {
      throw this.#error("repeats nothing", quantifier);
    }
    return atom + quantifier;
  }

  #quantifier(): string {
    const start = this.#peek();
    if (start === "" || !QUANTIFIERS.includes(start)) return "";
    const rest = this.#text.slice(this.#at, this.#at + 24).join("");
    const [quantifier] = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(rest) ?? [];
    if (quantifier === undefined) throw this.#error("is no count", "{");
    this.#at += quantifier.length;
    const lazy = this.#take("?") ? "?" : "";
    const next = this.#peek();
    if (next !== "" && QUANTIFIERS.includes(next)) {
      const whole = quantifier + lazy + next;
      throw this.#error("repeats what is repeated already", whole);
    }
    const [least = 0, most = Infinity] =
      quantifier.match(/\d+/g)?.map(Number) ??
        [];
    if (least > most) throw this.#error("is no count", quantifier);
    return quantifier + lazy;
  }

  #atom(): [translated: string, isRepeatable: boolean] {
    const next = this.#text[this.#at]!;
    if (next === "(") return this.#group();
    if (next === "[") return [this.#set(), true];
    if (QUANTIFIERS.includes(next)) throw this.#error("repeats nothing", next);
    this.#at++;
    if (next === "^" || next === "$") return [next, false];
    if (next === ".") return [String.raw`[^\n\r\x85\u2028\u2029]`, true];
    if (next !== "\\") return [this.#literal(next), true];
    const anchor = ANCHORS[this.#peek()];
    if (anchor !== undefined) {
      this.#at++;
      return [anchor, false];
    }
    const escaped = this.#escaped();
    return "set" in escaped
      ? [escaped.set, true]
      : [this.#literal(escaped.literal), true];
  }

  #group(): [translated: string, isRepeatable: boolean] {
    const rest = this.#text.slice(this.#at, this.#at + 80).join("");
    // Nothing refers to a group, so none needs to be remembered.
    let [open, isRepeatable] = ["(?:", true];
    const known = GROUPS.find(([start]) => this.#take(start));
    if (known !== undefined) [, open, isRepeatable] = known;
    else if (NAMED.test(rest)) this.#at += NAMED.exec(rest)![0].length;
    else if (rest.startsWith("(?")) {
      throw this.#error("is not supported", rest.slice(0, 3));
    } else this.#at++;
    const outside = this.#ignoresCase;
    this.#ignoresCase ||= open === "(?i:";
    const inside = this.#alternatives();
    this.#ignoresCase = outside;
    if (!this.#take(")")) throw this.#error("is never closed", "(");
    return [`${open}${inside})`, isRepeatable];
  }

  #set(): string {
    this.#at++;
    let translated = this.#take("^") ? "[^" : "[";
    for (let isFirst = true;; isFirst = false) {
      const next = this.#peek();
      if (next === "") throw this.#error("is never closed", "[");
      if (next === "]" && !isFirst) break;
      if (next === "]") throw this.#error("is empty", "[]");
      if (next === "[" || next === "&" && this.#text[this.#at + 1] === "&") {
        throw this.#error("in a set is not supported", next);
      }
      translated += this.#range();
    }
    this.#at++;
    return translated + "]";
  }

  /** One member of a set: a character, a range, or a predefined set. */
  #range(): string {
    const first = this.#member();
    if ("set" in first) return first.set;
    const behind = this.#text[this.#at + 1];
    if (this.#peek() !== "-" || behind === "]" || behind === "[") {
      return this.#literal(first.literal);
    }
    this.#at++;
    if (this.#peek() === "") throw this.#error("is never closed", "[");
    const last = this.#member();
    if (
      "set" in last ||
      last.literal.codePointAt(0)! < first.literal.codePointAt(0)!
    ) throw this.#error("is no range", `${first.literal}-`);
    return this.#literal(first.literal) + "-" + this.#literal(last.literal);
  }

  #member(): Escaped {
    const next = this.#text[this.#at++]!;
    return next === "\\" ? this.#escaped() : { literal: next };
  }

  /** What stands behind a backslash. */
  #escaped(): Escaped {
    const rest = this.#text.slice(this.#at, this.#at + 10).join("");
    const hex =
      /^(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4}))/
        .exec(rest);
    const code = parseInt(hex?.[1] ?? hex?.[2] ?? hex?.[3] ?? "", 16);
    if (
      hex !== null && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000)
    ) {
      this.#at += hex[0].length;
      return { literal: String.fromCodePoint(code) };
    }
    const next = this.#peek();
    if (next === "") throw this.#error("escapes nothing", "\\");
    const set = SETS[next];
    const control = CONTROL[next];
    if (
      set === undefined && control === undefined && /^\w/.test(rest) &&
      next !== "_"
    ) {
      throw this.#error("is not supported", `\\${next}`);
    }
    this.#at++;
    if (set !== undefined) return { set };
    return {
      literal: control === undefined ? next : String.fromCodePoint(control),
    };
  }

  #literal(character: string): string {
    const code = character.codePointAt(0)!;
    if (this.#ignoresCase && code > 0x7f) {
      // Java ignores the case of ASCII letters alone.
      throw this.#error("after (?i) is not supported", character);
    }
    return /\w/.test(character) ? character : `\\u{${code.toString(16)}}`;
  }

  /** "" at the end. */
  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #take(text: string): boolean {
    const isThere = [...text].every((each, index) =>
      this.#text[this.#at + index] === each
    );
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #error(problem: string, quote: string): PatternError {
    return new PatternError(
      `${JSON.stringify(this.#pattern)}: ${JSON.stringify(quote)} ${problem}`,
    );
  }
}

/** Escapes what stands between `\Q` and `\E`, or behind the last `\Q`. */
function unquote(pattern: string): string {
  return pattern.replaceAll(
    /\\Q([^]*?)(?:\\E|$)|\\[^]/g,
    (whole, quoted?: string) =>
      quoted?.replaceAll(/[^A-Za-z0-9]/gu, "\\$&") ?? whole,
  );
}
