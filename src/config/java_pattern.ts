/**
 * Java's regular expressions in JavaScript: what is accepted matches the same
 * names in both, and whatever would not is refused, with the place.
 *
 * Translated, because the two differ in it: `(?i)`, `(?i:..)`, `\Q..\E`, `\A`,
 * `\z`, `\a`, `\e`, `\s`, `.`, literal `-` and `]`, and escapes of characters
 * that need none. Refused: possessive quantifiers, atomic groups, other flags,
 * back references, `\p{..}`, `\Z`, `\G`, `\R`, `\h`, sets in sets, `&&`, and two
 * or more of what may be empty.
 * Two things differ, but in no name of a topic: `\b` beside letters that are not
 * ASCII, and `$` before the end of a last line.
 */

/** A pattern that cannot be used; the message quotes it and the place. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

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
const NO_LINE_END = String.raw`[^\n\r\x85\u2028\u2029]`;
const GROUPS = ["(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!"] as const;
const NAMED = /^\(\?<[A-Za-z][A-Za-z0-9]*>/;

interface Piece {
  /** In JavaScript. */
  readonly text: string;
  readonly mayBeEmpty: boolean;
  /** It stands for a place and cannot be repeated. */
  readonly isAnchor?: boolean;
}

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
    const { text } = this.#alternatives();
    if (this.#at < this.#text.length) throw this.#error("opens no group", ")");
    return text;
  }

  /** Up to the end of the group. A flag holds for what follows in it. */
  #alternatives(): Piece {
    const outside = this.#ignoresCase;
    let text = "";
    let mayBeEmpty = false;
    let isEmptySoFar = true;
    for (let next = this.#peek(); next !== ""; next = this.#peek()) {
      if (next === ")") break;
      if (next === "|") {
        this.#at++;
        text += "|";
        mayBeEmpty ||= isEmptySoFar;
        isEmptySoFar = true;
      } else if (this.#take("(?i)")) this.#ignoresCase = true;
      else {
        const piece = this.#repeated();
        text += piece.text;
        isEmptySoFar &&= piece.mayBeEmpty;
      }
    }
    this.#ignoresCase = outside;
    return { text, mayBeEmpty: mayBeEmpty || isEmptySoFar };
  }

  #repeated(): Piece {
    const atom = this.#atom();
    const { text, least } = this.#quantifier();
    if (text === "") return atom;
    if (atom.isAnchor) throw this.#error("repeats nothing", text);
    if (least > 1 && atom.mayBeEmpty) {
      // Java ends a repetition with the first empty one, here it counts.
      throw this.#error("repeats what may be empty", text);
    }
    return {
      text: atom.text + text,
      mayBeEmpty: atom.mayBeEmpty || least === 0,
    };
  }

  #quantifier(): { readonly text: string; readonly least: number } {
    const start = this.#peek();
    if (start === "" || !QUANTIFIERS.includes(start)) {
      return { text: "", least: 1 };
    }
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
    const [least = start === "+" ? 1 : 0, most = Infinity] =
      quantifier.match(/\d+/g)?.map(Number) ?? [];
    if (least > most) throw this.#error("is no count", quantifier);
    return { text: quantifier + lazy, least };
  }

  #atom(): Piece {
    const next = this.#text[this.#at]!;
    if (next === "(") return this.#group();
    if (next === "[") return { text: this.#set(), mayBeEmpty: false };
    if (QUANTIFIERS.includes(next)) throw this.#error("repeats nothing", next);
    this.#at++;
    const anchor = next === "^" || next === "$"
      ? next
      : next === "\\"
      ? ANCHORS[this.#peek()]
      : undefined;
    if (anchor !== undefined) {
      if (next === "\\") this.#at++;
      return { text: anchor, mayBeEmpty: true, isAnchor: true };
    }
    if (next === ".") return { text: NO_LINE_END, mayBeEmpty: false };
    const member = next === "\\" ? this.#escaped() : { literal: next };
    const text = "set" in member ? member.set : this.#literal(member.literal);
    return { text, mayBeEmpty: false };
  }

  #group(): Piece {
    const rest = this.#text.slice(this.#at, this.#at + 80).join("");
    // Nothing refers to a group, so none needs to be remembered.
    let open = "(?:";
    const known = GROUPS.find((start) => this.#take(start));
    if (known !== undefined) open = known;
    else if (NAMED.test(rest)) this.#at += NAMED.exec(rest)![0].length;
    else if (rest.startsWith("(?")) {
      throw this.#error("is not supported", rest.slice(0, 3));
    } else this.#at++;
    const outside = this.#ignoresCase;
    if (open === "(?i:") [open, this.#ignoresCase] = ["(?:", true];
    const { text, mayBeEmpty } = this.#alternatives();
    this.#ignoresCase = outside;
    if (!this.#take(")")) throw this.#error("is never closed", "(");
    const isAnchor = open !== "(?:";
    return {
      text: `${open}${text})`,
      mayBeEmpty: mayBeEmpty || isAnchor,
      isAnchor,
    };
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
    if ("set" in last || !isInOrder(first.literal, last.literal)) {
      throw this.#error("is no range", `${first.literal}-`);
    }
    const range = `${escape(first.literal)}-${escape(last.literal)}`;
    if (!this.#ignoresCase) return range;
    return range +
      [...LETTERS].filter((letter) =>
        isInOrder(first.literal, otherCase(letter)) &&
        isInOrder(otherCase(letter), last.literal)
      ).join("");
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
    const other = this.#ignoresCase ? otherCase(character) : character;
    return other === character ? escape(character) : `[${character}${other}]`;
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

/**
 * Only that of ASCII letters is ignored, as Java does. Both cases are written
 * out: V8 lets the flag of a group leak into sets outside of it.
 */
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const otherCase = (character: string) =>
  !LETTERS.includes(character)
    ? character
    : character < "a"
    ? character.toLowerCase()
    : character.toUpperCase();

const isInOrder = (one: string, other: string) =>
  one.codePointAt(0)! <= other.codePointAt(0)!;

const escape = (character: string) =>
  /\w/.test(character)
    ? character
    : `\\u{${character.codePointAt(0)!.toString(16)}}`;

/** Escapes what stands between `\Q` and `\E`, or behind the last `\Q`. */
function unquote(pattern: string): string {
  return pattern.replaceAll(
    /\\Q([^]*?)(?:\\E|$)|\\[^]/g,
    (whole, quoted?: string) =>
      quoted?.replaceAll(/[^A-Za-z0-9]/gu, "\\$&") ?? whole,
  );
}
