/**
 * The job of a drill: as many outputs as the input demands, which say whose they
 * are, so that they can be judged without anything that the pool adds.
 */
import { z } from "zod";
import { processor } from "../processor.ts";

const MOST_OUTPUTS = 10;

export default processor({
  input: z.object({
    id: z.int().min(0),
    outputs: z.int().min(0).max(MOST_OUTPUTS),
  }),
  process({ key, value: { id, outputs } }) {
    return Array.from({ length: outputs }, (_, ordinal) => ({
      key,
      value: { id, ordinal },
    }));
  },
});
