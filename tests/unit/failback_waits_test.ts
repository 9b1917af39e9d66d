import assert from "node:assert/strict";
import { offsetTable } from "../../dr/cut/types.ts";
import { behindOf, Stall, stalled } from "../../dr/failback/caught_up.ts";

const flow = { source: "secondary", target: "primary" } as const;
const tp = { topic: "t", partition: 0 };
const table = (offset: number | null) => offsetTable([{ ...tp, offset }]);

Deno.test("a mirror that gets on is waited for, one that stands still is not", () => {
  const stall = new Stall(100, 0);
  assert.deepEqual(
    [[9, 0], [9, 90], [8, 95], [8, 190], [7, 191], [8, 290], [7, 291]]
      .map(([lag, nowMs]) => stall.lasts(lag!, nowMs!)),
    [false, false, false, false, false, false, true],
  );
});

Deno.test("what is behind is named with what to do, also where its end is not known", () => {
  const map = { position: () => null };
  const said = (end: number | null) => {
    const behind = behindOf([tp], table(end), map);
    return stalled(flow, behind, table(end));
  };
  assert.match(said(7), /t \[0\] by 7 offsets.*mirror --from secondary runs/);
  assert.match(said(null), /t \[0\], whose end is not known/);
  assert.deepEqual(behindOf([tp], table(0), map), []);
});
