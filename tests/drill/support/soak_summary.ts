/** What `drill --soak --json` prints at its end, where all went well. */
import { z } from "zod";

export const soakSummary = (seed: number, runs: number) =>
  z.object({
    seed: z.literal(seed),
    runs: z.literal(runs),
    failures: z.literal(0),
    acknowledged: z.number().min(100),
    outputs: z.number().min(100),
    lost: z.literal(0),
    repeated: z.literal(0),
    reordered: z.literal(0),
  });
