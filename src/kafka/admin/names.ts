/** Numbers of the C header as names, and back. */

/** The name of `code` in `table`; "unknown" for one that it lacks. */
export function nameOf<Name extends string>(
  table: Readonly<Record<Name, number>>,
  code: number,
): Name | "unknown" {
  for (const name in table) {
    if (table[name] === code) return name;
  }
  return "unknown";
}
