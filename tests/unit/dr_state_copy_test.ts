import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeState } from "../../dr/state/mod.ts";
import { copyWith, EMPTY_COPY, lacks } from "../../dr/state/primary_copy.ts";
import { FIRST } from "./support_dr_state.ts";

interface Written {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const encoder = new TextEncoder();
const recordOf = (epoch: number): Written => {
  const { key, value } = encodeState({ ...FIRST, epoch });
  return { key: encoder.encode(key), value: encoder.encode(value) };
};
const GARBAGE: Written = {
  key: encoder.encode("state"),
  value: encoder.encode("{}"),
};
const foldOf = (log: readonly Written[]) => log.reduce(copyWith, EMPTY_COPY);

type Step =
  | { readonly kind: "switch" }
  /** A writer of commands puts a copy there, perhaps late. */
  | { readonly kind: "copy"; readonly epoch: number }
  | { readonly kind: "garbage" }
  | { readonly kind: "compact" }
  /** A sentinel looks; what it writes may come after what others do. */
  | { readonly kind: "look" | "see" | "arrive"; readonly sentinel: number };

const sentinels = 3;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant({ kind: "switch" as const }),
  fc.nat(12).map((epoch) => ({ kind: "copy" as const, epoch })),
  fc.constant({ kind: "garbage" as const }),
  fc.constant({ kind: "compact" as const }),
  fc.record({
    kind: fc.constantFrom(
      "look" as const,
      "see" as const,
      "arrive" as const,
    ),
    sentinel: fc.nat(sentinels - 1),
  }),
);

Deno.test("however writes of several sentinels and commands overtake one another, the copy ends with the newest state once they have looked again", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let log: Written[] = [];
      let newest = 1;
      const seen = Array.from({ length: sentinels }, () => 1);
      const underWay: (number | null)[] = seen.map(() => null);
      const look = (at: number) => {
        if (lacks(foldOf(log), { epoch: seen[at]! })) underWay[at] = seen[at]!;
      };
      const arrive = (at: number) => {
        if (underWay[at] !== null) log.push(recordOf(underWay[at]!));
        underWay[at] = null;
      };
      for (const each of steps) {
        switch (each.kind) {
          case "switch":
            newest++;
            break;
          case "copy":
            if (each.epoch >= 1 && each.epoch <= newest) {
              log.push(recordOf(each.epoch));
            }
            break;
          case "garbage":
            log.push(GARBAGE);
            break;
          case "compact":
            log = log.slice(-1);
            break;
          case "look":
            look(each.sentinel);
            break;
          case "see":
            seen[each.sentinel] = newest;
            break;
          case "arrive":
            arrive(each.sentinel);
            break;
        }
      }
      // Nothing more happens; everybody has seen the newest state.
      for (let round = 0; round < 2; round++) {
        for (let at = 0; at < sentinels; at++) {
          seen[at] = newest;
          arrive(at);
        }
        for (let at = 0; at < sentinels; at++) {
          look(at);
          arrive(at);
        }
      }
      assert.deepEqual(foldOf(log.slice(-1)), {
        highest: newest,
        last: newest,
      });
      assert.ok(seen.every((epoch) => !lacks(foldOf(log), { epoch })));
    }),
    { numRuns: 500 },
  );
});

Deno.test("a copy that knows more is left alone, also where it cannot be read", () => {
  const epoch = 5;
  assert.ok(!lacks(foldOf([recordOf(6)]), { epoch }));
  const newer = { ...GARBAGE, value: encoder.encode('{"epoch":9}') };
  assert.ok(!lacks(foldOf([recordOf(4), newer]), { epoch }));
  assert.ok(lacks(foldOf([recordOf(4)]), { epoch }));
  assert.ok(lacks(foldOf([recordOf(5), recordOf(4)]), { epoch }));
  assert.ok(lacks(foldOf([recordOf(5), GARBAGE]), { epoch }));
});
