/** What `failback --dry-run` finds of a cluster that was left. */
import { z } from "zod";
import { DrillError, type TailRange } from "../../../dr/drill/mod.ts";
import type { ClusterName } from "../../../dr/state/mod.ts";
import { roleCommand } from "./role.ts";

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
  const command = roleCommand(["failback", "--dry-run", "--json"], {
    ...env,
    PRIMARY_BROKERS: brokers.primary,
    SECONDARY_BROKERS: brokers.secondary,
  }, { stdout: "piped", signal });
  const process = command.spawn();
  const { code, stderr, stdout } = await process.output();
  await process.stdin.close().catch(() => {}); // it is broken
  signal.throwIfAborted();
  const said = (bytes: Uint8Array) =>
    new TextDecoder().decode(bytes).trim().split("\n").at(-1) ?? "";
  if (code !== 0) {
    throw new DrillError(
      `failback --dry-run ended with ${code}: ${said(stdout) || said(stderr)}`,
    );
  }
  return PLAN.parse(JSON.parse(said(stdout))).tail
    .filter((each) => each.topic === topic)
    .flatMap(({ partitions }) => partitions)
    .flatMap(({ first, last, partition }) =>
      first === null || last === null
        ? []
        : [{ partition, start: first, end: last + 1 }]
    );
}
