import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Import,
  layeringProblems,
  type Module,
  readModules,
} from "./support_layering.ts";

const root = fileURLToPath(new URL("../..", import.meta.url))
  .replace(/\/$/, "");

function module(
  path: string,
  imports: readonly (string | Import)[] = [],
  source = "",
): Module {
  return {
    path,
    source,
    imports: imports.map((each) =>
      typeof each === "string" ? { to: each, typeOnly: false } : each
    ),
  };
}

const typeOf = (to: string): Import => ({ to, typeOnly: true });

Deno.test("imports point downwards, only src/kafka knows pointers, no file is long and nothing turns in a circle", async () => {
  const modules = await readModules(root, ["src", "workers", "dr"]);
  for (const path of ["src/main.ts", "workers/loop.ts"]) {
    assert.ok(modules.some((each) => each.path === path), path);
  }
  assert.ok(modules.flatMap((each) => each.imports).length > modules.length);
  assert.deepEqual(layeringProblems(modules), []);
});

Deno.test("every way to import a module is seen, and whether for its types alone", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const write = (name: string, text: string) =>
      Deno.writeTextFile(join(folder, name), text);
    await Deno.mkdir(join(folder, "src"));
    await write("deno.json", '{ "imports": { "mapped": "./src/mapped.ts" } }');
    const names = ["value", "mixed", "all", "again", "late", "mapped"];
    const typed = ["type", "types", "typesAgain"];
    for (const name of [...names, ...typed]) {
      await write(
        `src/${name}.ts`,
        "export const x = 1;\nexport type T = 1;\n",
      );
    }
    await write(
      "src/main.ts",
      `
        // import { x as a } from "./comment.ts";
        import { x } from "./value.ts";
        import { type T as A, x as y } from "./mixed.ts";
        import * as all from "./all.ts";
        import type { T as B } from "./type.ts";
        import type * as types from "./types.ts";
        import { x as z } from "mapped";
        export * from "./again.ts";
        export type { T as C } from "./typesAgain.ts";
        export const d: [A, B, types.T] = [x, y, 1];
        export const text = 'import "./text.ts"' + all.x + z;
        export const late = () => import("./late.ts");
      `,
    );
    const [main] = (await readModules(folder, ["src"]))
      .filter((each) => each.path === "src/main.ts");
    const found = (typeOnly: boolean) =>
      main!.imports.filter((each) => each.typeOnly === typeOnly)
        .map((each) => each.to).sort();
    const paths = (names: readonly string[]) =>
      names.map((name) => `src/${name}.ts`).sort();
    assert.deepEqual(found(false), paths(names));
    assert.deepEqual(found(true), paths(typed));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a module that cannot be parsed is not passed over", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    await Deno.mkdir(join(folder, "src"));
    await Deno.writeTextFile(join(folder, "src", "bad.ts"), "import {");
    await assert.rejects(readModules(folder, ["src"]), /bad\.ts/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const UPWARDS: readonly [string, string][] = [
  ["src/config/x.ts", "src/kafka/mod.ts"],
  ["src/kafka/x.ts", "src/telemetry/log.ts"],
  ["src/kafka/x.ts", "src/pool/protocol.ts"],
  ["src/telemetry/x.ts", "src/pool/pool.ts"],
  ["src/telemetry/x.ts", "src/pool/status.ts"],
  ["src/pool/x.ts", "src/commands/start.ts"],
  ["src/pool/x.ts", "src/embedded/cluster.ts"],
  ["src/pool/x.ts", "workers/loop.ts"],
  ["src/pool/x.ts", "dr/mirror.ts"],
  ["src/embedded/x.ts", "src/pool/mod.ts"],
  ["dr/x.ts", "workers/loop.ts"],
  ["dr/offset_map/x.ts", "src/redrive/redrive.ts"],
  ["dr/x.ts", "src/commands/start.ts"],
  ["workers/x.ts", "src/pool/pool.ts"],
  ["workers/processors/x.ts", "src/pool/thread.ts"],
  ["workers/x.ts", "src/pool/mod.ts"],
  ["workers/x.ts", "src/config/mod.ts"],
  ["workers/x.ts", "dr/mirror.ts"],
  ["workers/x.ts", "src/commands/start.ts"],
  ["src/commands/x.ts", "workers/loop.ts"],
  ["src/commands/x.ts", "src/main.ts"],
  ["src/main.ts", "src/pool/mod.ts"],
];
for (const [from, to] of UPWARDS) {
  Deno.test(`${from} may not import ${to}`, () => {
    assert.deepEqual(
      layeringProblems([module(from, [to])]),
      [`${from} imports ${to}`],
    );
  });
}

Deno.test("types may not be imported upwards either, but for the status that telemetry shows", () => {
  assert.deepEqual(
    layeringProblems([module("src/pool/x.ts", [typeOf("workers/loop.ts")])]),
    ["src/pool/x.ts imports workers/loop.ts"],
  );
  assert.deepEqual(
    layeringProblems([
      module("src/telemetry/x.ts", [typeOf("src/pool/status.ts")]),
    ]),
    [],
  );
});

Deno.test("what the design allows is allowed", () => {
  assert.deepEqual(
    layeringProblems([
      module("src/main.ts", ["src/commands/start.ts"]),
      module("src/commands/x.ts", [
        "src/pool/mod.ts",
        "src/embedded/cluster.ts",
        "dr/mirror.ts",
        "src/kafka/mod.ts",
        "src/kafka/native/locate.ts",
        "src/commands/y.ts",
      ]),
      module("src/pool/x.ts", ["src/kafka/mod.ts", "src/telemetry/log.ts"]),
      module("workers/x.ts", [
        "src/kafka/mod.ts",
        "src/telemetry/log.ts",
        "src/pool/coordinates.ts",
        "src/pool/page.ts",
        "src/pool/protocol.ts",
        "src/pool/rate_limit.ts",
        "src/pool/status.ts",
        "dr/offset_map/mod.ts",
        "workers/processors/y.ts",
      ]),
      module("src/kafka/native/x.ts", ["src/kafka/symbols.ts"]),
      module("dr/follow/x.ts", ["src/kafka/native/locate.ts"]),
      module("dr/x.ts", [
        "src/kafka/mod.ts",
        "src/telemetry/log.ts",
        "src/pool/offset_ranges.ts",
        "src/pool/serial.ts",
      ]),
    ]),
    [],
  );
});

for (
  const [from, to] of [
    ["src/pool/x.ts", "src/kafka/consumer.ts"],
    ["workers/x.ts", "src/kafka/memory.ts"],
    ["src/commands/x.ts", "src/kafka/symbols.ts"],
    ["src/pool/x.ts", "src/kafka/native/locate.ts"],
    ["dr/state/x.ts", "src/kafka/native/locate.ts"],
    ["workers/x.ts", "src/kafka/native/locate.ts"],
  ] as const
) {
  Deno.test(`${from} may enter src/kafka by its door only, not by ${to}`, () => {
    for (const each of [to, typeOf(to)]) {
      assert.deepEqual(
        layeringProblems([module(from, [each])]),
        [`${from} imports ${to}`],
      );
    }
  });
}

for (
  const [word, source] of [
    ["dlopen", 'Deno.dlopen("lib.so", {})'],
    ["dlopen", "const { dlopen } = Deno;"],
    ["UnsafePointer", "Deno.UnsafePointer.create(1n)"],
    ["UnsafePointerView", "new Deno.UnsafePointerView(pointer)"],
    ["UnsafeCallback", "new Deno.UnsafeCallback(definition, call)"],
    ["PointerValue", "let pointer: Deno.PointerValue;"],
    ["PointerObject", "let pointer: Deno.PointerObject;"],
  ] as const
) {
  Deno.test(`\`${source}\` belongs into src/kafka`, () => {
    assert.deepEqual(
      layeringProblems([
        module("src/kafka/x.ts", [], source),
        module("src/pool/x.ts", [], source),
        module("workers/x.ts", [], source),
      ]),
      [`src/pool/x.ts mentions ${word}`, `workers/x.ts mentions ${word}`],
    );
  });
}

Deno.test("a file of 400 lines is long enough", () => {
  const lines = (count: number) => "// line\n".repeat(count);
  assert.deepEqual(
    layeringProblems([
      module("src/pool/x.ts", [], lines(400)),
      module("src/pool/y.ts", [], lines(401)),
    ]),
    ["src/pool/y.ts has 401 lines"],
  );
});

Deno.test("a file outside of the known layers must be given one", () => {
  assert.deepEqual(
    layeringProblems([module("src/new/x.ts", ["src/pool/pool.ts"])]),
    ["src/new/x.ts is in no layer"],
  );
});

Deno.test("modules that import one another's values in a circle are shown, types may", () => {
  const circle = (last: string | Import) => [
    module("src/pool/a.ts", ["src/pool/b.ts"]),
    module("src/pool/b.ts", ["src/pool/c.ts"]),
    module("src/pool/c.ts", [last]),
  ];
  assert.deepEqual(layeringProblems(circle("src/pool/a.ts")), [
    "circle: src/pool/a.ts > src/pool/b.ts > src/pool/c.ts > src/pool/a.ts",
  ]);
  assert.deepEqual(layeringProblems(circle(typeOf("src/pool/a.ts"))), []);
});

Deno.test("folders that import one another's values are shown, though no modules do", () => {
  const problems = layeringProblems([
    module("src/pool/a.ts", ["src/kafka/mod.ts"]),
    module("src/kafka/x.ts", ["src/pool/page.ts"]),
  ]);
  assert.deepEqual(problems, [
    "src/kafka/x.ts imports src/pool/page.ts",
    "circle: src/pool > src/kafka > src/pool",
  ]);
});
