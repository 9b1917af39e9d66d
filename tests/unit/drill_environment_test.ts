import assert from "node:assert/strict";
import { freeAddress } from "../../src/commands/drill/environment.ts";

Deno.test("an address for the gateway is free, and none that links are given", () => {
  for (let round = 0; round < 50; round++) {
    const [hostname, port] = freeAddress().split(":");
    assert.ok(Number(port) < 32_768);
    using listener = Deno.listen({ hostname: hostname!, port: Number(port) });
    assert.ok(listener.addr.port > 0);
  }
});
