/** As a user would mount it: outside of the project, with its packages. */
import { processor } from "switchyard";
import { z } from "zod";

export default processor({
  input: z.looseObject({ user_id: z.string(), device_type: z.string() }),
  process({ value }) {
    return value.device_type.trim() === "iOS" ? undefined : { value };
  },
});
