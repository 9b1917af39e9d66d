/** The settings of the embedded cluster; a part of the table. */
import { z } from "zod";
import { setting } from "./field.ts";
import { share, wholeNumber } from "./kinds.ts";

export const embedded = {
  embedded: z.strictObject({
    partitions: setting(wholeNumber(1, 1000), {
      env: "EMBEDDED_PARTITIONS",
      unit: "partitions",
      default: 8,
      why: "the embedded cluster keeps up to 5 MB of each in memory",
      description: "Partitions of the topics that are created.",
    }),
    rate: setting(wholeNumber(1, 1_000_000), {
      env: "EMBEDDED_RATE",
      unit: "logins/s",
      default: 1000,
      why: "it shares the machine with the processing",
      description: "Logins that are generated; fewer while the processing " +
        "does not keep up.",
    }),
    malformed: setting(share, {
      env: "EMBEDDED_MALFORMED",
      unit: "share",
      default: 0.01,
      why: "none to all",
      description: "How many of them are malformed and go to the dead letters.",
    }),
  }),
};
