/** docs/guarantees.md names tests that exist. */
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);
const NAMED = /`(tests\/[\w/]+_test\.ts)`(?:: ((?:"[^"]+"(?:, )?)+))?/g;

Deno.test("each test that the guarantees name is there", () => {
  const text = read("docs/guarantees.md").replace(/\s+/g, " ");
  const wrong: string[] = [];
  let names = 0;
  for (const [, path, titles] of text.matchAll(NAMED)) {
    const test = read(path!);
    for (const [, title] of (titles ?? "").matchAll(/"([^"]+)"/g)) {
      names++;
      if (!test.includes(title!)) wrong.push(`${path}: ${title}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert(names > 25, `only ${names} names were found`);
});

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}
