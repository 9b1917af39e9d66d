import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { createLog, formatLine } from "../../src/telemetry/log.ts";
import { errorText } from "../../src/telemetry/log_errors.ts";
import { InvalidRecordError } from "../../workers/record.ts";

/** All that a line says of it, at the level that says most. */
function said(error: unknown): string {
  let text = "";
  const log = createLog({
    level: "debug",
    write: (line) => text = formatLine(line),
  });
  const message = error instanceof Error ? error.message : "";
  log.error(message, { error, reason: message, problems: [message] });
  return text;
}

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

const SECRET = "Xq7";

Deno.test("what JSON.parse quotes of a text is not logged, whatever is wrong with it", () => {
  fc.assert(fc.property(
    fc.string(),
    fc.string(),
    fc.constantFrom("", '{"a":', '{"a": "', "[1,", "nul", '{"a":1}'),
    (before, after, start) => {
      const text = `${start}${before}${SECRET}${after}`;
      let error: Error;
      try {
        JSON.parse(text);
        return;
      } catch (thrown) {
        error = thrown as Error;
      }
      assert.ok(!said(error).includes(SECRET), error.message);
      assert.ok(!errorText(error).includes(SECRET), error.message);
    },
  ));
});

Deno.test("of what a schema refuses only the kind of fault is logged", () => {
  const schema = z.strictObject({ id: z.number() });
  const error = thrownBy(() => schema.parse({ id: "x", [SECRET]: 1 }));
  assert.match(error.message, RegExp(SECRET));
  const text = said({ error }.error);
  // The test itself has passed the message on, as nobody does.
  assert.equal(
    errorText(error),
    "the schema refuses it: invalid_type, unrecognized_keys",
  );
  assert.doesNotMatch(JSON.parse(text)["error.stack_trace"], RegExp(SECRET));
});

Deno.test("why a record is invalid stands in its dead letter, and not in the log", () => {
  const error = new InvalidRecordError(`the value is not JSON: ${SECRET}`);
  const { "error.message": message, "error.stack_trace": stack } = JSON.parse(
    said(error),
  );
  assert.equal(message, "the record is not what the processor takes");
  assert.doesNotMatch(stack, RegExp(SECRET));
  assert.match(stack, /\n +at /);
});

Deno.test("other errors keep what they say", () => {
  const error = new TypeError('"x" is no number');
  assert.equal(errorText(error), '"x" is no number');
  assert.equal(JSON.parse(said(error))["error.message"], '"x" is no number');
  assert.equal(errorText("as it is"), "as it is");
});
