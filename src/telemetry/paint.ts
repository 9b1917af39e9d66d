/** Lines made of styled pieces. */
import { cellsOf, fit } from "./cells.ts";

export type Style = "bold" | "dim" | "green" | "yellow" | "red";

/** A piece of a line; what came from outside must be `printable`. */
export type Span = string | readonly [text: string, style: Style | undefined];

const CODES: Readonly<Record<Style, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
};

const textOf = (span: Span) => typeof span === "string" ? span : span[0];

export function cellsOfLine(line: readonly Span[]): number {
  return line.reduce((sum, span) => sum + cellsOf(textOf(span)), 0);
}

/** The line as a terminal takes it, cut at `cells`. */
export function paint(
  line: readonly Span[],
  cells: number,
  color: boolean,
): string {
  let left = cells;
  let painted = "";
  for (const span of line) {
    if (left <= 0) break;
    const text = fit(textOf(span), left);
    left -= cellsOf(text);
    const style = typeof span === "string" ? undefined : span[1];
    painted += !color || style === undefined || text === ""
      ? text
      : `\x1b[${CODES[style]}m${text}\x1b[0m`;
  }
  return painted;
}

/** Left and right ends of a line; the right one yields where both do not fit. */
export function spread(
  left: readonly Span[],
  right: readonly Span[],
  cells: number,
): Span[] {
  const space = cells - cellsOfLine(left) - cellsOfLine(right);
  return space >= 2 ? [...left, " ".repeat(space), ...right] : [...left];
}
