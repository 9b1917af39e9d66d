import assert from "node:assert/strict";
import { isOutput } from "../../dr/failback/origin.ts";

const headers = (...values: (string | null)[]) =>
  values.map((value) => ({
    key: "switchyard.coordinates",
    value: value === null ? null : new TextEncoder().encode(value),
  }));

Deno.test("only a record of the topic that its coordinates name is the output of a pool", () => {
  const [out, there] = ["c/t/0/1/0/1/out/g", "c/t/0/1/0/1/there/g"];
  assert.equal(isOutput(headers(out), "out"), true);
  assert.equal(isOutput(headers(there, out), "out"), true);
  for (const those of [[there], [out, there], ["out"], [null], []]) {
    assert.equal(isOutput(headers(...those), "out"), false, those.join());
  }
});
