/** The principals of `--deny-principal`. Pure. */
import type { Settings } from "../config/mod.ts";

const PRINCIPAL = /^[^:\s]+:.+$/;
const EVERYBODY = "User:*";
const USERNAME = "sasl.username";

/**
 * Why these are not to be denied anything; null: they may be. Of Switchyard's own
 * principals only those are known that a name in the settings makes.
 */
export function denialProblem(
  principals: readonly string[],
  { primary, secondary }: Pick<Settings, "primary" | "secondary">,
): string | null {
  const own = new Set(
    [primary, secondary].flatMap(({ consumer, kafka, producer }) =>
      [kafka, consumer, producer].map((each) => each[USERNAME])
    ).filter((name) => name !== undefined).map((name) => `User:${name}`),
  );
  for (const each of principals) {
    if (!PRINCIPAL.test(each)) {
      return `--deny-principal takes a principal such as User:alice, not "${each}"`;
    }
    if (each === EVERYBODY || own.has(each)) {
      return `--deny-principal ${each} would keep Switchyard itself away`;
    }
  }
  return null;
}
