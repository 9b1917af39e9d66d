/**
 * Whether a dotted version is the minimum or later. Anything that follows the
 * digits (`2.15.1-RC1`, `17.0.2_8`) is ignored.
 */
export function isAtLeast(version: string, minimum: string): boolean {
  const [have, need] = [numbers(version), numbers(minimum)];
  for (const [index, wanted] of need.entries()) {
    const difference = (have[index] ?? 0) - wanted;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbers(version: string): number[] {
  const [digits = ""] = /^\d+(\.\d+)*/.exec(version) ?? [];
  return digits.split(".").map(Number);
}
