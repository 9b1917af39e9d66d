/** When syncs are written and how they translate, for formats_java_test.ts. */
import fc from "fast-check";
import {
  addSync,
  observeCommit,
  observeRun,
  type SyncPlaces,
  type SyncState,
  type SyncTranslation,
  translateBySyncs,
} from "../../dr/formats/mod.ts";
import { cases, type Comparison, equals } from "../support/mirror_decisions.ts";

/** Records with skips and rewinds, and commits (null) between them. */
const steps = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.tuple(fc.constant(1), fc.constant(1)) },
    fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 150 })),
    fc.tuple(fc.integer({ min: -9, max: 0 }), fc.integer({ min: -9, max: 9 })),
    fc.tuple(fc.constant(1), fc.integer({ min: -2, max: 0 })),
    fc.constant(null),
  ),
  { minLength: 1, maxLength: 250 },
).map((steps) => {
  let [upstream, downstream] = [20, 20];
  return steps.map((step) => {
    if (step === null) return null;
    upstream = Math.max(upstream + step[0], 0);
    downstream = Math.max(downstream + step[1], 0);
    return [upstream, downstream] as const;
  });
});

export function syncs(): Comparison[] {
  const lag = fc.oneof(fc.constant(100), fc.nat(10));
  return cases(fc.tuple(lag, steps), 60).map(([lag, steps]): Comparison => {
    let state: SyncState | null = null;
    const expected = steps.map((step) => {
      let sync;
      if (step === null) {
        if (state === null) return null;
        const committed = observeCommit(state);
        state = committed.state;
        sync = committed.sync;
      } else {
        const [upstream, downstream] = step;
        const run = { upstream, downstream, length: 1 };
        const observed = observeRun(state, run, lag);
        state = observed.state;
        sync = observed.syncs.latest;
      }
      return sync && [sync.upstream, sync.downstream];
    });
    return { question: { kind: "syncs", lag, steps }, check: equals(expected) };
  });
}

/**
 * Syncs (two numbers), seldom going back or far ahead, and questions (one) for
 * what lies behind the last of them, mostly near.
 */
const translationSteps = fc.array(
  fc.oneof(
    { weight: 150, arbitrary: step("sync", 1, 3) },
    { weight: 50, arbitrary: step("sync", 1, 300) },
    { weight: 1, arbitrary: step("sync", 2 ** 30, 2 ** 40) },
    { weight: 1, arbitrary: step("sync", -200, 0) },
    { weight: 100, arbitrary: step("question", -2, 20) },
    { weight: 100, arbitrary: step("question", 20, 500) },
    { weight: 20, arbitrary: step("question", 500, 5000) },
  ),
  { minLength: 100, maxLength: 500, size: "max" },
).map((steps) => {
  let last = 0;
  return steps.map(({ kind, distance }) => {
    if (kind === "question") return [Math.max(last - distance, 0)];
    last = Math.max(last + distance, 0);
    return [last, last + 7];
  });
});

function step(kind: "sync" | "question", min: number, max: number) {
  return fc.integer({ min, max }).map((distance) => ({ kind, distance }));
}

export function translations(): Comparison[] {
  const initial = fc.oneof(fc.constant(0), fc.nat(20));
  return cases(fc.tuple(initial, translationSteps), 80).map(
    ([initial, steps]): Comparison => {
      let places: SyncPlaces | null = null;
      let syncs = 0;
      const expected = steps.map(([upstream, downstream]) => {
        if (downstream === undefined) {
          const isRead = syncs >= initial;
          return asJava(translateBySyncs(isRead ? places : null, upstream!));
        }
        const isRead = syncs++ >= initial;
        places = addSync(isRead ? places : null, {
          upstream: upstream!,
          downstream,
        });
        return null;
      });
      return {
        question: { kind: "translations", initial, steps },
        check: equals(expected),
      };
    },
  );
}

function asJava(translation: SyncTranslation): number | null {
  if (translation.kind !== "none") return translation.downstream;
  return translation.reason === "ahead" ? -1 : null;
}
