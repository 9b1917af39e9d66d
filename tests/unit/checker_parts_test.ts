/** The checker's own tools, and that it shares nothing with what it checks. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { encodeRanges, isWithin } from "../../src/pool/offset_ranges.ts";
import { claimOf } from "../checker/commit_metadata.ts";
import { extractor } from "../checker/extract.ts";
import { Ledger } from "../checker/ledger.ts";
import { idSource } from "../checker/mod.ts";
import { NumberTable } from "../checker/number_table.ts";
import type { KafkaRecord } from "../support/independent_client.ts";

Deno.test("nothing that the checker loads is of src, workers or dr", async () => {
  const root = new URL("../../", import.meta.url);
  const modules = (await Promise.all(
    ["mod.ts", "main.ts"].map((entry) => loaded(root, entry)),
  )).flat();
  const ours = modules
    .flatMap(({ specifier, dependencies = [] }) => [
      specifier,
      ...dependencies.flatMap(({ code, type }) => [
        code?.specifier,
        type?.specifier,
      ]),
    ])
    .filter((each) => each?.startsWith(root.href))
    .map((each) => each!.slice(root.href.length))
    .filter((each) => !each.startsWith("node_modules/"));
  assert.ok(ours.includes("tests/checker/check.ts"));
  assert.ok(ours.includes("tests/support/record_pipe.ts"));
  assert.deepEqual(ours.filter((each) => !each.startsWith("tests/")), []);
});

interface LoadedModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/** All modules that this one of the checker's loads. */
async function loaded(root: URL, entry: string): Promise<LoadedModule[]> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `tests/checker/${entry}`],
    cwd: fileURLToPath(root),
  }).output();
  assert.ok(success);
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

Deno.test("what a commit's metadata claims is read as it was written", () => {
  const lengths = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 9 })),
    { maxLength: 30 },
  );
  fc.assert(fc.property(fc.nat(2 ** 40), lengths, (next, lengths) => {
    let edge = next;
    const ranges = lengths.flatMap((
      [open, settled],
    ) => [edge += open, edge += settled]);
    const claims = claimOf(next, encodeRanges(next, ranges)!);
    assert.equal(claims(next - 1), true);
    for (let offset = next; offset < edge + 3; offset++) {
      assert.equal(claims(offset), isWithin(ranges, offset), `${offset}`);
    }
  }));
});

Deno.test("metadata of others claims nothing above the offset", () => {
  for (const metadata of ["", "beyond: 7", "sy1r:%%%", "sy2r:AQI="]) {
    const claims = claimOf(5, metadata);
    assert.deepEqual([4, 5, 6, 100].map(claims), [true, false, false, false]);
  }
});

Deno.test("numbers keep the indexes in whose order they came", () => {
  const numbers = fc.array(
    fc.oneof(fc.nat(50), fc.maxSafeNat(), fc.nat(9).map((n) => n * 2 ** 32)),
    { maxLength: 3000, size: "max" },
  );
  fc.assert(
    fc.property(numbers, (numbers) => {
      const table = new NumberTable();
      const expected = new Map<number, number>();
      for (const number of numbers) {
        if (!expected.has(number)) expected.set(number, expected.size);
        assert.equal(table.indexOf(number), expected.get(number));
      }
      assert.equal(table.size, expected.size);
      for (const [number, index] of expected) {
        assert.equal(table.at(index), number);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("an entry keeps its facts while thousands are added", () => {
  const ledger = new Ledger();
  for (let id = 0; id < 5000; id++) {
    const entry = ledger.entry(id % 2 === 0 ? id : `text ${id}`);
    ledger.deliver(entry, 2 ** 31);
    ledger.setInputPlace(entry, id * 2 ** 40);
  }
  for (let id = 0; id < 5000; id++) {
    const name = id % 2 === 0 ? id : `text ${id}`;
    const entry = ledger.entry(name);
    assert.equal(ledger.id(entry), name);
    assert.equal(ledger.delivered(entry), 2 ** 31);
    assert.equal(ledger.inputPlace(entry), id * 2 ** 40);
  }
  assert.equal(ledger.size, 5000);
});

const bytes = (text: string) => new TextEncoder().encode(text);

function record(value: string | null, more: Partial<KafkaRecord> = {}) {
  return {
    partition: 2,
    offset: 5,
    timestampMs: 1,
    key: bytes("k"),
    value: value === null ? null : bytes(value),
    headers: [],
    ...more,
  } satisfies KafkaRecord;
}

Deno.test("ids come from fields, headers and keys, whichever is there first", () => {
  const id = ["json:event.id", "header:id", "key"].map(idSource);
  const idOf = (record: KafkaRecord) =>
    extractor({ id })("in", "output", record).id;
  const headers = [{ name: "id", value: bytes("8") }];
  assert.equal(idOf(record('{"event":{"id":7}}', { headers })), 7);
  assert.equal(idOf(record('{"event":{"id":"7"}}')), 7);
  assert.equal(idOf(record('{"event":{"id":"a7"}}')), "a7");
  assert.equal(idOf(record('{"event":{"id":-7}}')), "-7");
  assert.equal(idOf(record("not JSON", { headers })), 8);
  assert.equal(idOf(record(null, { headers })), 8);
  assert.equal(idOf(record("[]")), "k");
  assert.equal(idOf(record("[]", { key: null })), null);
  assert.throws(() => idSource("value"), RangeError);
});

Deno.test("an input without an id is known by its place, which its dead letter says", () => {
  const extract = extractor();
  const input = extract("in", "input", record("not JSON"));
  const origin = { topic: "in", partition: 2, offset: 5 };
  const headers = Object.entries(origin).map(([name, value]) => ({
    name: `switchyard.${name}`,
    value: bytes(String(value)),
  }));
  const dead = extract(
    "in.dlq",
    "dead letter",
    record("not JSON", { headers }),
  );
  assert.equal(dead.id, input.id);
  assert.equal(typeof input.id, "string");
});

Deno.test("keys that are no text stay apart", () => {
  const keyOf = (...key: number[]) =>
    extractor()("in", "input", record("{}", { key: new Uint8Array(key) })).key;
  assert.equal(keyOf(0x61), "a");
  assert.notEqual(keyOf(0xff, 1), keyOf(0xfe, 1));
});

Deno.test("a fingerprint tells records apart that differ in key, value or time", () => {
  const of = (each: KafkaRecord) =>
    extractor()("in", "input", each).fingerprint;
  const all = [
    record('{"a":1,"b":2}'),
    record('{"a":1,"b":3}'),
    record('{"a":1,"b":2} '),
    record(null),
    record(""),
    record('{"a":1,"b":2}', { key: null }),
    record('{"a":1,"b":2}', { key: bytes("") }),
    record('{"a":1,"b":2}', { timestampMs: 2 }),
  ].map(of);
  assert.equal(new Set(all).size, all.length);
  assert.equal(of(record("{}")), of(record("{}")));
});
