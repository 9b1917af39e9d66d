import assert from "node:assert/strict";
import fc from "fast-check";
import { againMs } from "../../dr/failover/transactions.ts";

Deno.test("those that fence each other try again apart by chance, ever further, and within half a second or so", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, chance) => {
        const ms = againMs(attempt, chance);
        assert.ok(ms >= 10 && ms <= 510);
        assert.ok(ms <= againMs(attempt + 1, chance));
        assert.ok(againMs(attempt, 1) - againMs(attempt, 0) >= 20);
      },
    ),
  );
});
