import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { toFileUrl } from "../../src/commands/file_url.ts";

Deno.test("a path is taken from the current folder", () => {
  const path = join(Deno.cwd(), "jobs", "mine.ts");
  assert.equal(toFileUrl("./jobs/mine.ts"), pathToFileURL(path).href);
  assert.equal(toFileUrl("jobs/mine.ts"), pathToFileURL(path).href);
  assert.equal(toFileUrl("jobs/../jobs/mine.ts"), pathToFileURL(path).href);
});

Deno.test("an absolute path stays where it is", () => {
  assert.equal(toFileUrl("/jobs/mine.ts"), "file:///jobs/mine.ts");
});

Deno.test("signs that mean something in a URL are part of the path", () => {
  assert.equal(toFileUrl("/my jobs/#1?.ts"), "file:///my%20jobs/%231%3F.ts");
});

Deno.test("a file URL stays what it is", () => {
  assert.equal(toFileUrl("file:///jobs/mine.ts"), "file:///jobs/mine.ts");
});
