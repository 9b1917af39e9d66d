/** The offset map as simple as it can be: a list of pairs of offsets. */
import type { Run, Translation } from "../../dr/offset_map/mod.ts";

export interface Pair {
  readonly upstream: number;
  readonly downstream: number;
}

export const pairsOf = (runs: Iterable<Run>): Pair[] =>
  [...runs].flatMap(({ upstream, downstream, length }) =>
    Array.from({ length }, (_, at) => ({
      upstream: upstream + at,
      downstream: downstream + at,
    }))
  );

/** I2, word for word; null where nothing was mirrored. */
export function translated(
  pairs: readonly Pair[],
  upstream: number,
): number | null {
  const below = pairs.findLast((pair) => pair.upstream < upstream);
  return below === undefined
    ? pairs[0]?.downstream ?? null
    : below.downstream + 1;
}

/** The same the other way. */
export function translatedBack(
  pairs: readonly Pair[],
  downstream: number,
): number | null {
  return translated(
    pairs.map(({ upstream, downstream }) => ({
      upstream: downstream,
      downstream: upstream,
    })),
    downstream,
  );
}

/** Says what is wrong with an answer; null: nothing. */
export function wrongIn(
  answer: Translation,
  pairs: readonly Pair[],
  upstream: number,
  mustBeExact: boolean,
): string | null {
  const { offset } = answer;
  const skipped = pairs.find((pair) =>
    pair.upstream >= upstream && pair.downstream < offset
  );
  if (skipped !== undefined) return `skips ${skipped.upstream}`;
  if (!answer.exact) {
    return mustBeExact ? `not exact: ${answer.why}` : null;
  }
  const again = pairs.find((pair) =>
    pair.upstream < upstream && pair.downstream >= offset
  );
  return again === undefined ? null : `called exact, reads ${again.upstream}`;
}
