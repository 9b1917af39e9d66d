/**
 * Ends inputs in every way: by results in three topics, by none, by retries
 * through either delay topic, by dead letters. Where the file exists that
 * `CASES_CHANGED` names, those of kind `changed` fail first.
 */
import { processor, RejectError, RetryError } from "switchyard";
import { z } from "zod";

export const KINDS = [
  "none",
  "one",
  "three",
  "changed",
  "rejected",
  "retried-1s",
  "retried-2s",
  "exhausted-1s",
  "exhausted-2s",
] as const;
export type Kind = typeof KINDS[number];

export const RESULTS = ["cases-a", "cases-b", "cases-c"] as const;

export default processor({
  input: z.object({ id: z.string(), kind: z.enum(KINDS) }),
  process({ value: { id, kind } }, { attempt }) {
    const to = (...topics: readonly string[]) =>
      topics.map((topic) => ({ topic, value: { id } }));
    const later = (delayMs: number) => new RetryError("later", { delayMs });
    switch (kind) {
      case "none":
        return;
      case "one":
        return to(RESULTS[0]);
      case "three":
        return to(...RESULTS);
      case "changed":
        if (attempt === 1 && hasChanged()) throw later(1_000);
        return to(...RESULTS);
      case "rejected":
        throw new RejectError("never");
      case "retried-1s":
      case "retried-2s":
        if (attempt === 1) throw later(kind === "retried-1s" ? 1_000 : 2_000);
        return to(RESULTS[0]);
      case "exhausted-1s":
      case "exhausted-2s":
        throw later(kind === "exhausted-1s" ? 1_000 : 2_000);
    }
  },
});

function hasChanged(): boolean {
  try {
    return Deno.statSync(Deno.env.get("CASES_CHANGED")!).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
