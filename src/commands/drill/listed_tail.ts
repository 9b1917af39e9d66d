/** What `failback --dry-run` finds of a cluster that was left. */
import { z } from "zod";
import type { TailRange } from "../../../dr/drill/mod.ts";
import type { ClusterName } from "../../../dr/state/mod.ts";
import { runCommand } from "./run_command.ts";

const PLAN = z.object({
  tail: z.array(z.object({
    topic: z.string(),
    partitions: z.array(z.object({
      partition: z.int(),
      first: z.int().nullable(),
      last: z.int().nullable(),
    })),
  })),
});

/** @throws {DrillError} with what the command says where it fails. */
export async function listedTail(
  env: Readonly<Record<string, string>>,
  brokers: Readonly<Record<ClusterName, string>>,
  topic: string,
  signal: AbortSignal,
): Promise<readonly TailRange[]> {
  const printed = await runCommand({
    args: ["failback", "--dry-run", "--json"],
    env: {
      ...env,
      PRIMARY_BROKERS: brokers.primary,
      SECONDARY_BROKERS: brokers.secondary,
    },
    onLine: () => {},
  }, signal);
  return PLAN.parse(JSON.parse(printed.at(-1) ?? "null")).tail
    .filter((each) => each.topic === topic)
    .flatMap(({ partitions }) => partitions)
    .flatMap(({ first, last, partition }) =>
      first === null || last === null
        ? []
        : [{ partition, start: first, end: last + 1 }]
    );
}
