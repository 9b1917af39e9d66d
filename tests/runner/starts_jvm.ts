/** Which tests start JVMs: of these only one group runs at a time. */

/** Whatever starts one takes a slot first. */
const SLOTS = "/support/jvm_slots.ts";
const IMPORT = /\bfrom\s+"(\.[^"]+)"|\bimport\s*\(?\s*"(\.[^"]+)"/g;

/** Whether one of these files imports what starts JVMs, by whatever way. */
export function startsJvm(files: readonly string[]): boolean {
  const seen = new Set<string>();
  const left = files.map((file) => new URL(`file://${file}`).href);
  for (let file; (file = left.pop()) !== undefined;) {
    if (file.endsWith(SLOTS)) return true;
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, from, dynamic] of read(file).matchAll(IMPORT)) {
      left.push(new URL(from ?? dynamic!, file).href);
    }
  }
  return false;
}

function read(file: string): string {
  try {
    return Deno.readTextFileSync(new URL(file));
  } catch (error) {
    // The check of types says so.
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
