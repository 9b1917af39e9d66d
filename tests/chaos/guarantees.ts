/** Under which guarantees the job is tested; each test runs once for each. */
import type { Guarantee } from "./stage.ts";

export const guarantees: readonly Guarantee[] = [
  "at-least-once",
  "exactly-once",
];
