/**
 * When the load moved from one cluster to the other, and what it had to wait.
 * Pure, and shares nothing with what it judges.
 *
 *     acknowledged   primary ───┤  inputsMs  ├─── secondary
 *     written        primary ──────┤ outputsMs ├── secondary
 */
import type { ClusterName } from "../state/types.ts";
import type { Evidence } from "./judge.ts";
import type { DrillReport, SwitchGap } from "./types.ts";

interface Event {
  readonly cluster: ClusterName;
  readonly atMs: number;
}

interface Move {
  readonly to: ClusterName;
  readonly gapMs: number;
}

/** In the order in which they came. */
export function switchesIn(
  { active, clusters, sent }: Pick<Evidence, "active" | "clusters" | "sent">,
): readonly SwitchGap[] {
  const acknowledged = sent.flatMap(({ acknowledgedMs, cluster }): Event[] =>
    acknowledgedMs === null ? [] : [{ cluster, atMs: acknowledgedMs }]
  );
  // Whose input it read tells where the pool was at work.
  const written = clusters[active].outputs.flatMap(
    ({ claim, writtenMs }): Event[] =>
      (["primary", "secondary"] as const)
        .filter((name) => {
          const { clusterId } = clusters[name];
          return clusterId !== null && clusterId === claim?.clusterId;
        })
        .map((cluster) => ({ cluster, atMs: writtenMs })),
  ).sort((one, other) => one.atMs - other.atMs);
  const moves = movesIn(written);
  const inputs = movesIn(acknowledged);
  const isKnown = moves.length === inputs.length &&
    inputs.every(({ to }, at) => moves[at]!.to === to);
  return inputs.map(({ gapMs, to }, at) => ({
    to,
    inputsMs: gapMs,
    outputsMs: isKnown ? moves[at]!.gapMs : null,
  }));
}

function movesIn(events: readonly Event[]): readonly Move[] {
  const moves: Move[] = [];
  let newestMs = -Infinity;
  let before: ClusterName | null = null;
  for (const { atMs, cluster } of events) {
    if (before !== null && before !== cluster) {
      moves.push({ to: cluster, gapMs: Math.max(0, atMs - newestMs) });
      newestMs = -Infinity;
    }
    newestMs = Math.max(newestMs, atMs);
    before = cluster;
  }
  return moves;
}

/** What an objective is held against; null: nobody has moved. */
export function rtoMsOf(
  { firstRecordMs, switches }: Pick<DrillReport, "firstRecordMs" | "switches">,
): number | null {
  if (firstRecordMs !== null) return firstRecordMs;
  if (switches.length === 0) return null;
  return Math.max(
    ...switches.map(({ inputsMs, outputsMs }) =>
      Math.max(inputsMs, outputsMs ?? 0)
    ),
  );
}
