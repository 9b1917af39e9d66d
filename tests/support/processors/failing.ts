/** Fails as often as its records say, or gives up; takes its time. */
import { processor, RejectError, RetryError } from "switchyard";
import { z } from "zod";

export default processor({
  input: z.object({
    number: z.number(),
    /** Attempts that fail. */
    failures: z.number(),
    gives: z.enum(["throws", "wishes", "rejects"]),
  }),
  async process({ key, value }, { attempt }) {
    const { number, failures, gives } = value;
    const waitMs = (number * 7919) % 5;
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (attempt <= failures) {
      const reason = `${gives} ${number}`;
      if (gives === "rejects") throw new RejectError(reason);
      if (gives === "wishes") throw new RetryError(reason, { delayMs: 5 });
      throw new Error(reason);
    }
    return { key, value: { number, attempt } };
  },
});
