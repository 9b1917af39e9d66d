/** Sends each thousandth login without a key to a topic that is compacted. */
import { processor } from "switchyard";
import { z } from "zod";

export default processor({
  input: z.looseObject({ event_id: z.number() }),
  process({ key, value }) {
    return value.event_id % 1_000 === 0
      ? { topic: "compacted", value }
      : { key, value };
  },
});
