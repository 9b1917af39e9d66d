/** The command `drill`, as a user runs it, on two real clusters. */
import assert from "node:assert/strict";
import { Child } from "../../support/child.ts";
import { withoutOurs } from "../../support/job_process.ts";
import type { KafkaCluster } from "../../support/kafka_cluster.ts";

const main = new URL("../../../src/main.ts", import.meta.url).pathname;
const EXIT_MS = 400_000;

export interface DrillPair {
  readonly primary: KafkaCluster;
  readonly secondary: KafkaCluster;
}

/** Of Deno; the last line on stdout is JSON. */
export const drillArguments = (options: readonly string[]): string[] => [
  "run",
  "-A",
  "--no-check",
  main,
  "drill",
  "--clusters",
  ...options,
  "--json",
];

export const drillEnvironment = (
  { primary, secondary }: DrillPair,
): Record<string, string> => ({
  ...withoutOurs(),
  PRIMARY_BROKERS: primary.bootstrapServers,
  SECONDARY_BROKERS: secondary.bootstrapServers,
});

/**
 * Runs one to its end, which must be good.
 * @param meanwhile runs until the signal aborts, when the drill has ended
 * @param check of its report
 */
export async function expectDrill(
  pair: DrillPair,
  options: readonly string[],
  check: (report: unknown) => void,
  meanwhile: (over: AbortSignal) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await using child = Child.deno(drillArguments(options), {
    env: drillEnvironment(pair),
  });
  const over = new AbortController();
  const [{ code }] = await Promise.all([
    child.exit(EXIT_MS).finally(() => over.abort()),
    meanwhile(over.signal),
  ]);
  const said = child.lines("stderr").slice(-20).join("\n");
  const [line = ""] = child.lines("stdout").slice(-1);
  assert.match(line, /^\{/, said);
  console.log(line);
  check(JSON.parse(line));
  assert.equal(code, 0, said);
}
