/** Fails in all ways over records that the log must not show. */
import {
  processor,
  RejectError,
  RetryError,
} from "../../../workers/processor.ts";
import { z } from "zod";

console.log("the processor is loaded");

export default processor({
  input: z.strictObject({
    fault: z.enum(["none", "throw", "reject", "retry", "output", "parse"]),
    text: z.string(),
  }),
  async process({ value: { fault, text }, offset }, { log }) {
    log.debug("seen", { offset });
    console.error("a record of %s", fault);
    await Promise.resolve();
    switch (fault) {
      case "none":
        return { key: text, value: text, headers: [{ key: "h", value: text }] };
      case "throw":
        throw new Error(`cannot work on ${text}`, { cause: text });
      case "reject":
        throw new RejectError(`never ${text}`);
      case "retry":
        throw new RetryError(`not now ${text}`, { delayMs: 1 });
      case "output":
        return { value: text, topic: `no topic: ${text}` };
      case "parse":
        return { value: JSON.parse(text) };
    }
  },
});
