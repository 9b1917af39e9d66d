import assert from "node:assert/strict";
import { freeAddress } from "../../src/commands/drill/environment.ts";

Deno.test("the address of a role is none that an outgoing connection may take meanwhile", () => {
  for (let times = 0; times < 100; times++) {
    const [hostname, port] = freeAddress().split(":");
    assert.ok(Number(port) < 32_768, port);
    Deno.listen({ hostname: hostname!, port: Number(port) }).close();
  }
});
