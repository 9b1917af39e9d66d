import assert from "node:assert/strict";
import { outputAt } from "../../dr/failover/read_outputs.ts";

/** A record of the topic `out`. */
const record = (coordinates: string | null, before: string | null = null) => ({
  tp: () => ({ topic: "out", partition: 0 }),
  headerText: (_: number, name: Uint8Array) =>
    new TextDecoder().decode(name).startsWith("switchyard.coordinates")
      ? coordinates
      : before,
});

Deno.test("only a record of the topic that its coordinates name is the output of a pool", () => {
  const output = outputAt(record("c/t/0/1/0/1/out/g"), 0);
  assert.deepEqual(output, [
    {
      clusterId: "c",
      topicId: "t",
      partition: 0,
      offset: 1,
      ordinal: 0,
      count: 1,
      outputTopic: "out",
      group: "g",
    },
    [],
  ]);
  for (const text of ["c/t/0/1/0/1/there/g", "out", null]) {
    assert.equal(outputAt(record(text), 0), null, String(text));
  }
});

Deno.test("where its input was read before comes with an output", () => {
  const [, before] = outputAt(record("c/t/0/1/0/1/out/g", "c/u/0/7"), 0)!;
  const place = { clusterId: "c", topicId: "u", partition: 0, offset: 7 };
  assert.deepEqual(before, [place]);
});

Deno.test("a topic is known by the name that the mirror has given it", () => {
  const copied = record("c/t/0/1/0/1/made/g");
  assert.equal(outputAt(copied, 0), null);
  assert.notEqual(outputAt(copied, 0, () => "out"), null);
});
