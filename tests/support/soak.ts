/**
 * `deno task soak` runs the long forms of tests, `SEED=7 deno task test` other
 * random choices than the usual ones.
 */
export const isSoak = Deno.env.get("SOAK") === "true";

export const seed = Number(Deno.env.get("SEED") || 1);

/** How large a test is, in CI and in a soak. */
export const sized = (short: number, long: number): number =>
  isSoak ? long : short;
