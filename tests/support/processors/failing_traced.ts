/**
 * A processor that fails at a record as often as the record says, and writes a
 * line about every attempt to the file `TRACE`.
 */
import { processor } from "switchyard";
import { z } from "zod";

export interface Attempt {
  readonly number: number;
  /** 1 for the first. */
  readonly attempt: number;
  readonly atMs: number;
  /** When it was due, as its header says; absent for the first. */
  readonly dueMs?: number;
  readonly timestampMs: number;
}

const trace = Deno.env.get("TRACE")!;
const decoder = new TextDecoder();

export default processor({
  input: z.object({ number: z.number(), failures: z.number() }),
  process({ key, value, headers, timestampMs }, { attempt }) {
    const read = (name: string) => {
      const header = headers.findLast((each) => each.key === name);
      return header?.value ? Number(decoder.decode(header.value)) : undefined;
    };
    const dueMs = read("switchyard.due");
    const line: Attempt = {
      number: value.number,
      attempt,
      atMs: Date.now(),
      ...(dueMs === undefined ? {} : { dueMs }),
      timestampMs,
    };
    Deno.writeTextFileSync(trace, `${JSON.stringify(line)}\n`, {
      append: true,
    });
    if (attempt <= value.failures) throw new Error(`failure ${attempt}`);
    return { key, value: { number: value.number, attempt } };
  },
});
