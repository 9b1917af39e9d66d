/** What the parts of the live view share. */
import type { Span } from "./paint.ts";

export type Line = readonly Span[];

/** A part of the frame that can do with less than it wants. */
export interface Section {
  /** Rows below which it is left out. */
  readonly least: number;
  readonly wanted: number;
  /** Draws itself in `rows`, at most what it wanted. */
  readonly draw: (rows: number) => readonly Line[];
}

export const INDENT = " ";

/** A line across the frame with the name of what follows. */
export function rule(title: string, cells: number): Line {
  const line = "─".repeat(Math.max(0, cells - title.length - 5));
  return [INDENT, ["─ ", "dim"], title, [` ${line}`, "dim"]];
}
