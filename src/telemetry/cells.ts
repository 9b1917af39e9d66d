/** Text measured in the cells of a terminal. */

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;
const NO_CELL = /[\p{Mn}\p{Me}]/u;
const TWO_CELLS =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** More than any terminal is wide; keeps a value of 1 MB cheap. */
const MOST_CHARACTERS = 2000;

/**
 * The text on one line, with a dot for each character that would move the
 * cursor, change colours or hide others: records come from strangers.
 */
export function printable(text: string): string {
  return text.slice(0, MOST_CHARACTERS).normalize("NFC")
    .replaceAll(UNSAFE, "·");
}

export function cellsOf(text: string): number {
  let cells = 0;
  for (const character of text) cells += cellsOfCharacter(character);
  return cells;
}

function cellsOfCharacter(character: string): number {
  if (character <= "~") return 1;
  if (NO_CELL.test(character)) return 0;
  return TWO_CELLS.test(character) ? 2 : 1;
}

/** The text, cut with an ellipsis where it has more than `cells`. */
export function fit(text: string, cells: number): string {
  let used = 0;
  let kept = ""; // what fits beside an ellipsis
  for (const character of text) {
    used += cellsOfCharacter(character);
    if (used > cells) return cells > 0 ? `${kept}…` : "";
    if (used < cells) kept += character;
  }
  return text;
}

/** As wide as `cells`: cut or padded with spaces. */
export function column(
  text: string,
  cells: number,
  align: "left" | "right" = "left",
): string {
  const fitting = fit(text, cells);
  const space = " ".repeat(cells - cellsOf(fitting));
  return align === "left" ? fitting + space : space + fitting;
}
