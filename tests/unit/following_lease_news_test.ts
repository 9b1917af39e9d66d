import assert from "node:assert/strict";
import { LeaseNews } from "../../src/commands/following/lease_news.ts";
import { createLog } from "../../src/telemetry/log.ts";

Deno.test("that there is no lease is said once, and again when the next one has ended", () => {
  const time = { ms: 0 };
  const told: string[] = [];
  const news = new LeaseNews(
    { now: () => time.ms },
    createLog({
      level: "warn",
      write: (line) => told.push(JSON.stringify(line)),
    }),
  );
  const error = new Error("no answer");
  const miss = (times: number) => {
    for (let count = 0; count < times; count++) news.missed(error);
    return told.length;
  };
  assert.equal(miss(3), 1);
  assert.match(told[0]!, /has no lease.*no answer/);
  const lease = { cluster: "primary", era: 0, lengthMs: 10_000 } as const;
  news.took({ ...lease, fromMs: time.ms });
  time.ms += 9_999;
  assert.equal(miss(3), 1);
  time.ms += 1;
  assert.equal(miss(3), 2);
});
