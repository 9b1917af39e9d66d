/**
 * The candidate that a mistyped name most likely means, or undefined when none
 * is close: at most one edit in three letters. Case and separators do not
 * count, so `input_topic` finds `inputTopic`; one name that goes on where the
 * other ends, like `warning` and `warn`, counts as hardly more than one edit.
 */
export function nearestName(
  name: string,
  candidates: Iterable<string>,
): string | undefined {
  const wanted = plain(name);
  let best: string | undefined;
  let bestEdits = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = editsBetween(wanted, plain(candidate));
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or nothing. */
export function suggestion(name: string | undefined): string {
  return name === undefined ? "" : `; did you mean "${name}"?`;
}

/** Whether two names differ in case and separators only. */
export function isSameName(a: string, b: string): boolean {
  return plain(a) === plain(b);
}

/** A name with one wrong letter is nearer than one that is another's beginning. */
const GOES_ON = 1.5;

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[._-]/g, "");
}

function editsBetween(a: string, b: string): number {
  const [short = "", long = ""] = a.length < b.length ? [a, b] : [b, a];
  const goesOn = short.length >= 4 && long.startsWith(short);
  return goesOn
    ? Math.min(GOES_ON, long.length - short.length)
    : editDistance(a, b);
}

/** Insertions, deletions, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(edits);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
