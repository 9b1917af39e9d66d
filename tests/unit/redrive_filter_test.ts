import assert from "node:assert/strict";
import {
  FilterError,
  parseFilter,
  parseFilters,
  type Seen,
} from "../../src/redrive/filter.ts";

const letter: Seen = {
  partition: 2,
  offset: 50,
  timestampMs: Date.UTC(2026, 0, 31, 12),
  key: "alice",
  reason: "TypeError: no=route",
  topic: "in",
  sourcePartition: 4,
  sourceOffset: 77,
};
const unknown: Seen = {
  ...letter,
  key: null,
  topic: null,
  sourcePartition: null,
  sourceOffset: null,
};

const CASES: readonly [expression: string, holds: boolean, unknown: boolean][] =
  [
    ["reason=TypeError: no=route", true, true],
    ["reason=TypeError", false, false],
    ["reason~=^Type", true, true],
    ["reason~=no=r.ute$", true, true],
    ["reason~=timeout", false, false],
    ["reason!=x", true, true],
    ["key=alice", true, false],
    ["key!=alice", false, true],
    ["key~=.*", true, false],
    ["topic=in", true, false],
    ["partition=2", true, true],
    ["partition!=2", false, false],
    ["offset>=50", true, true],
    ["offset>50", false, false],
    ["offset<=49", false, false],
    ["offset<51", true, true],
    ["source.partition=4", true, false],
    ["source.offset!=77", false, true],
    ["time>=2026-01-31T12:00:00Z", true, true],
    ["time<2026-01-31", false, false],
  ];
for (const [expression, holds, ofUnknown] of CASES) {
  Deno.test(`${expression} ${holds ? "means" : "leaves out"} the letter`, () => {
    const filter = parseFilter(expression);
    assert.equal(filter(letter), holds);
    assert.equal(filter(unknown), ofUnknown);
  });
}

const WRONG: readonly [string, RegExp][] = [
  ["", /takes FIELD=VALUE with one of reason, key, topic, partition/],
  ["reason", /takes FIELD=VALUE/],
  ["value=x", /takes FIELD=VALUE/],
  ["constructor=x", /takes FIELD=VALUE/],
  ["reason>x", /reason takes =, != or ~= and a regular expression/],
  ["reason~=(", /regular expression, not "reason~=\("/],
  ["offset~=5", /offset takes =, !=, <, <=, > or >= and a whole number/],
  ["offset=many", /a whole number, not "offset=many"/],
  ["offset=-1", /a whole number/],
  ["offset=", /a whole number/],
  ["time>yesterday", /a time such as 2026-01-31T12:00:00Z/],
];
for (const [expression, says] of WRONG) {
  Deno.test(`"${expression}" is refused in one line`, () => {
    assert.throws(() => parseFilter(expression), (error) => {
      assert.ok(error instanceof FilterError);
      assert.match(error.message, says);
      return !error.message.includes("\n");
    });
  });
}

Deno.test("all filters must hold, and none holds always", () => {
  assert.equal(parseFilters(["offset>10", "offset<60"])(letter), true);
  assert.equal(parseFilters(["offset>10", "offset<20"])(letter), false);
  assert.equal(parseFilters([])(letter), true);
});
