/** Gives as many outputs as the record says, once it has failed as often. */
import { processor } from "switchyard";
import { z } from "zod";

export interface CountedInput {
  readonly id: number;
  readonly outputs: number;
  readonly failures: number;
}

export interface CountedOutput {
  readonly id: number;
  readonly ordinal: number;
}

export default processor({
  input: z.object({
    id: z.number(),
    outputs: z.number(),
    failures: z.number(),
  }),
  process({ value: { id, outputs, failures }, key, headers }, { attempt }) {
    if (attempt <= failures) throw new Error(`failure ${attempt}`);
    return Array.from({ length: outputs }, (_, ordinal) => ({
      key,
      value: { id, ordinal } satisfies CountedOutput,
      headers,
    }));
  },
});
