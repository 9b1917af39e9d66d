import assert from "node:assert/strict";
import {
  shorter,
  withShorterRanges,
  withShorterTimes,
} from "../support/alerting/shorter.ts";

Deno.test("a duration is divided, and is never nothing", () => {
  assert.equal(shorter("5m", 30), "10000ms");
  assert.equal(shorter("1h30m", 30), "180000ms");
  assert.equal(shorter("15s", 1_000_000), "1ms");
  assert.throws(() => shorter("5 m", 30), SyntaxError);
});

Deno.test("ranges of an expression become shorter, and figures stay", () => {
  assert.equal(
    withShorterRanges('rate(a{b="5m"}[5m]) > 300 and c offset 1h', 30),
    'rate(a{b="5m"}[10000ms]) > 300 and c offset 120000ms',
  );
});

Deno.test("times of a file become shorter, wherever they stand", () => {
  assert.deepEqual(
    withShorterTimes({
      global: { scrape_interval: "15s" },
      groups: [{ for: "1m", expr: "a[1m]", annotations: { summary: "1m" } }],
    }, 30),
    {
      global: { scrape_interval: "500ms" },
      groups: [{
        for: "2000ms",
        expr: "a[2000ms]",
        annotations: { summary: "1m" },
      }],
    },
  );
});
