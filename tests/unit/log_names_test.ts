import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  attributesOf,
  fieldNameOf,
  writtenNames,
} from "../../src/telemetry/log_names.ts";
import { readModules } from "./support_layering.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Values whose types tell what is in them, see where they are spread. */
const SPREAD = new Set([
  "error.state",
  "fields",
  "names",
  "outcome.state",
  "own",
  "problem",
  "state",
  "taken",
]);

/** What a spread value brings that no literal names. */
const BY_SPREAD = ["active", "doing", "other", "sinceMs", "targetPartitions"];

const isKnown = (name: string) =>
  name === "error" ||
  writtenNames.some(({ written }) => fieldNameOf(written) === name);

Deno.test("every field of every call of a log is in the table, and every name of it is used", async () => {
  const modules = await readModules(root.replace(/\/$/, ""), [
    "src",
    "dr",
    "workers",
  ]);
  const used = new Set<string>(BY_SPREAD);
  let calls = 0;
  for (const { path, source } of modules) {
    for (const fields of fieldsOfCalls(source)) {
      calls++;
      for (const field of fields) {
        const spread = field.match(/^\.\.\.(.*)$/s)?.[1];
        if (spread !== undefined) {
          const isTold = SPREAD.has(spread) || spread.startsWith("(");
          assert.ok(isTold, `${path} spreads ${spread}`);
          continue;
        }
        const name = field.match(/^"?([\w.]+)"?/)?.[1] ?? field;
        assert.ok(isKnown(name), `${path}: ${name} is not in log_names.ts`);
      }
    }
    for (const [name] of source.matchAll(/\b[a-z]\w*\b/gi)) used.add(name);
  }
  assert.ok(calls > 60, `${calls} calls`);
  for (const { written } of writtenNames) {
    if (written.startsWith("error.")) continue;
    assert.ok(used.has(fieldNameOf(written)), `${written} is of no use`);
  }
});

Deno.test("the calls of a log are found however they are written", () => {
  const found = fieldsOfCalls(`
    log.info("a");
    this.#log.warn(\`b \${c({ x: 1 })}\`, { d, e: f({ g: 1 }), ...h });
    parts.log[level](text, { lane: 1, "a.b": [{ i: 1 }] });
    const log = options.log.child({
      // a comment, with a comma
      j: k ? { l: 1 } : null,
    });
    catalog.info({ m: 1 });
    console.log({ n: 1 });
  `);
  assert.deepEqual(found, [
    [],
    ["d", "e: f({ g: 1 })", "...h"],
    ["lane: 1", '"a.b": [{ i: 1 }]'],
    ["j: k ? { l: 1 } : null"],
  ]);
});

Deno.test("a name is written once, in lower case, and means one kind of value", () => {
  const names = writtenNames.map(({ written }) => written);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z]+(\.[a-z0-9_]+)+$/);
  const fields = { partitions: 3, lanes: ["a", "b"], damage: { kind: "x" } };
  assert.deepEqual(attributesOf({ ...fields, worker: 3, cluster: null }), {
    "switchyard.partitions": "3",
    "switchyard.lanes": ["a", "b"],
    "switchyard.damage": '{"kind":"x"}',
    "switchyard.worker": 3,
  });
});

Deno.test("what a processor logs stands apart from what we log", () => {
  assert.deepEqual(
    attributesOf({ worker: 1, processor: { worker: "own", id: 7, list: [1] } }),
    {
      "switchyard.worker": 1,
      "switchyard.processor.worker": "own",
      "switchyard.processor.id": 7,
      "switchyard.processor.list": ["1"],
    },
  );
});

Deno.test("docs/logs.md has the table of names", async () => {
  const text = await Deno.readTextFile(`${root}/docs/logs.md`);
  const rows = [
    ...text.matchAll(/^\| `([^`]+)` +\| (text|number) +\| (.*?) +\|$/gm),
  ]
    .map(([, written, kind, about]) => ({ written, kind, about }));
  assert.deepEqual(rows, writtenNames);
});

/** The fields of each call, as they are written. */
function fieldsOfCalls(source: string): string[][] {
  const calls = source.matchAll(
    /(?<![\w$])(?<!console\.)#?log(?:\.(?:debug|info|warn|error|child)|\[[^\]]*\])\(/g,
  );
  return [...calls].map(({ 0: call, index }) => {
    const words = listFrom(source, index + call.length);
    const last = words.at(-1) ?? "";
    return last.startsWith("{") ? listFrom(last, 1) : [];
  });
}

/** What stands between commas from `start` on, until the bracket is closed. */
function listFrom(source: string, start: number): string[] {
  const items = [""];
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    const rest = source.slice(at);
    const skipped = rest.match(
      /^(?:\/\/.*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')/,
    )?.[0];
    if (skipped !== undefined) {
      if (!skipped.startsWith("//")) items[items.length - 1] += skipped;
      at += skipped.length - 1;
      continue;
    }
    const letter = source[at]!;
    if ("([{".includes(letter)) depth++;
    if (")]}".includes(letter)) depth--;
    if (depth < 0) break;
    if (depth === 0 && letter === ",") items.push("");
    else items[items.length - 1] += letter;
  }
  return items.map((each) => each.trim()).filter((each) => each !== "");
}
