import assert from "node:assert/strict";
import { z } from "zod";
import { loadProcessor, processor } from "../../workers/processor.ts";

/** A module with this source. */
const moduleOf = (source: string) =>
  `data:text/javascript,${encodeURIComponent(source)}`;

Deno.test("a record processor is loaded from a module's default export", async () => {
  const loaded = await loadProcessor(
    moduleOf("export default { process: () => ({ value: 1 }) }"),
  );
  assert.ok("process" in loaded);
});

Deno.test("a batch processor is loaded from a module's default export", async () => {
  const loaded = await loadProcessor(
    moduleOf("export default { processBatch() {} }"),
  );
  assert.ok("processBatch" in loaded);
});

Deno.test("the reference processor loads", async () => {
  const url = new URL(
    "../../workers/processors/user_login.ts",
    import.meta.url,
  );
  assert.ok("process" in await loadProcessor(url.href));
});

const NO_PROCESSORS = [
  "export const other = 1",
  "export default undefined",
  "export default null",
  "export default 5",
  "export default function process() {}",
  "export default {}",
  "export default { process: 1 }",
  "export default { processBatch: {} }",
];
for (const source of NO_PROCESSORS) {
  Deno.test(`\`${source}\` is refused, and what to write is said`, async () => {
    const url = moduleOf(source);
    await assert.rejects(loadProcessor(url), (error: TypeError) => {
      assert.ok(error instanceof TypeError);
      assert.ok(error.message.startsWith(`${url} does not export a processor`));
      assert.match(error.message, /export default processor\(\{ process/);
      return true;
    });
  });
}

Deno.test("a module that is not there is named", async () => {
  const url = new URL("./no_such_processor.ts", import.meta.url).href;
  await assert.rejects(loadProcessor(url), /no_such_processor\.ts/);
});

Deno.test("what a module throws while it loads comes through", async () => {
  const url = moduleOf("throw new RangeError('no configuration')");
  await assert.rejects(loadProcessor(url), /no configuration/);
});

Deno.test("a definition is its own processor, typed by its schema", () => {
  const definition = {
    input: z.object({ id: z.string() }),
    process({ value }: { value: { id: string } }) {
      return { key: value.id, value };
    },
  };
  const typed = processor(definition);
  assert.equal(typed, definition);
  // Does not compile where the schema's type is lost.
  const id: string | undefined = typed.input?.parse({ id: "a" }).id;
  assert.equal(id, "a");
});
