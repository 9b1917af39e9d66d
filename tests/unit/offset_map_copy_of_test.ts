import assert from "node:assert/strict";
import fc from "fast-check";
import { copyOf, PartitionRuns } from "../../dr/offset_map/mod.ts";
import { sized } from "../support/soak.ts";

const numRuns = sized(300, 20_000);
const source = { topic: "t", partition: 0 };

Deno.test("of all offsets exactly the records have copies, but for those that were trimmed away", () => {
  const steps = fc.array(
    fc.tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 5 })),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(steps, fc.nat(40), (all, from) => {
      const runs = new PartitionRuns();
      const copies = new Map<number, number>();
      let [upstream, downstream] = [0, 0];
      for (const [skipped, markers, length] of all) {
        upstream += skipped;
        downstream += markers;
        runs.append({ upstream, downstream, length });
        for (let at = 0; at < length; at++) {
          copies.set(upstream++, downstream++);
        }
      }
      runs.trimBelow(from);
      const map = {
        translate: (_: unknown, offset: number) => runs.translate(offset),
      };
      for (let offset = 0; offset < upstream + 3; offset++) {
        const copy = copyOf(map, source, offset);
        const known = copies.get(offset) ?? null;
        if (offset >= from) assert.equal(copy, known, String(offset));
        else assert.ok(copy === null || copy === known, String(offset));
      }
    }),
    { numRuns },
  );
});
