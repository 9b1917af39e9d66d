import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { testEnvironment } from "../runner/environment.ts";
import { findGroups, selectGroups } from "../runner/groups.ts";

async function inFolder(
  files: readonly string[],
  use: (root: string) => void,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const file of files) {
      const folder = file.slice(0, file.lastIndexOf("/"));
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
      await Deno.writeTextFile(`${root}/${file}`, "");
    }
    use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("unit tests are one group, every other test file is its own", () =>
  inFolder([
    "unit/b_test.ts",
    "unit/a_test.ts",
    "unit/helper.ts",
    "support/s_test.ts",
    "integration/two_test.ts",
    "integration/one_test.ts",
    "drill/d_test.ts",
    "chaos/short_test.ts",
    "chaos/scenarios/long_test.ts",
  ], (root) => {
    const groups = findGroups(root).map(({ name, files }) => ({
      name,
      files: files.map((file) => file.slice(root.length + 1)),
    }));
    assert.deepEqual(groups, [
      {
        name: "unit",
        files: ["unit/a_test.ts", "unit/b_test.ts", "support/s_test.ts"],
      },
      { name: "integration/one", files: ["integration/one_test.ts"] },
      { name: "integration/two", files: ["integration/two_test.ts"] },
      { name: "chaos/short", files: ["chaos/short_test.ts"] },
      { name: "chaos/long", files: ["chaos/scenarios/long_test.ts"] },
      { name: "drill/d", files: ["drill/d_test.ts"] },
    ]);
  }));

Deno.test("no unit test changes what those beside it in the process share", () => {
  const tests = fileURLToPath(new URL("..", import.meta.url));
  const { files } = findGroups(tests).find(({ name }) => name === "unit")!;
  const helpers = Deno.readDirSync(`${tests}/unit`)
    .map(({ name }) => `${tests}/unit/${name}`);
  const changing = new Set([...files, ...helpers]).values().filter((file) =>
    /\bDeno\.(env\.(set|delete)|chdir|umask)\b|\bprocess\.(env|chdir)\b/
      .test(Deno.readTextFileSync(file))
  );
  assert.deepEqual([...changing], []);
});

Deno.test("what takes too long for every run is only in a soak", () =>
  inFolder(["split/short_test.ts", "split/long/other_test.ts"], (root) => {
    const names = (soak: boolean) =>
      findGroups(root, soak).map(({ name }) => name);
    assert.deepEqual(names(false), ["split/short"]);
    assert.deepEqual(names(true), ["split/short", "split/other"]);
  }));

Deno.test("groups are chosen by name, by kind or by the path of a file", () => {
  const groups = ["unit", "integration/one", "integration/one_more", "chaos/x"]
    .map((name) => ({ name, files: [], deadlineMs: 1 }));
  const chosen = (...wanted: string[]) =>
    selectGroups(groups, wanted).map(({ name }) => name);
  assert.deepEqual(chosen(), groups.map(({ name }) => name));
  assert.deepEqual(chosen("unit"), ["unit"]);
  assert.deepEqual(chosen("chaos", "integration/one", "chaos/x"), [
    "integration/one",
    "chaos/x",
  ]);
  assert.deepEqual(chosen("integration"), [
    "integration/one",
    "integration/one_more",
  ]);
  assert.deepEqual(chosen("./tests/integration/one_test.ts"), [
    "integration/one",
  ]);
  assert.deepEqual(chosen("tests/integration/"), chosen("integration"));
});

Deno.test("one file of a group can be chosen alone", () => {
  const files = ["/t/unit/a_test.ts", "/t/unit/b_test.ts"];
  const groups = [{ name: "unit", files, deadlineMs: 1 }];
  assert.deepEqual(selectGroups(groups, ["tests/unit/b_test.ts"]), [
    { name: "unit/b", files: ["/t/unit/b_test.ts"], deadlineMs: 1 },
  ]);
});

Deno.test("a name that matches no tests is refused", () => {
  const groups = [{ name: "unit", files: [], deadlineMs: 1 }];
  assert.throws(() => selectGroups(groups, ["unit", "uni"]), /"uni"/);
});

Deno.test("settings of the shell do not reach the tests", () => {
  const kept = { PATH: "/bin", CI: "true", LIBRDKAFKA_PATH: "/lib/x.so" };
  assert.deepEqual(
    testEnvironment({
      ...kept,
      PRIMARY_BROKERS: "production:9092",
      PRIMARY_KAFKA_SASL_PASSWORD: "hunter2",
      SECONDARY_BROKER: "a mistake",
      SWITCHYARD_CONFIG: "switchyard.jsonc",
      GROUP_ID: "orders",
      WORKERS: "7",
    }),
    kept,
  );
});
