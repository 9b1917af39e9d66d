/**
 * Where a failback stands, by the state alone. Pure.
 *
 *     secondary, steady        nothing was begun
 *     secondary, recovering    the tail is brought over while pools work
 *     secondary, releasing     the same, and pools rest meanwhile
 *     secondary, reversing     a mirror copies back from the promotion point on
 *     secondary, catching-up   it has come to the end once
 *     secondary, draining      the switch: pools rest, the mirror comes to the end
 *     secondary, fencing       the switch: the mirror is ended
 *     primary, steady          done
 */
import type { DrState } from "../state/mod.ts";
import type { DoneInput } from "../../src/pool/done_outputs.ts";
import type { TopicPlan } from "./tail_plan.ts";

export type Stage =
  | { readonly kind: "recover"; readonly state: DrState }
  | { readonly kind: "follow"; readonly state: DrState }
  | { readonly kind: "switch"; readonly state: DrState }
  /** There is nothing to come back from. */
  | { readonly kind: "nothing" }
  | { readonly kind: "refuse"; readonly reason: string };

export function stageOf(newest: DrState | null): Stage {
  if (newest === null) return { kind: "nothing" };
  const { active, phase } = newest;
  if (active === "primary") {
    return phase === "steady" ? { kind: "nothing" } : {
      kind: "refuse",
      reason: `a failover is under way (the primary is active, ${phase}); ` +
        "let it end first",
    };
  }
  switch (phase) {
    case "steady":
    case "recovering":
    case "releasing":
      return { kind: "recover", state: newest };
    case "reversing":
    case "catching-up":
      return { kind: "follow", state: newest };
    case "draining":
    case "fencing":
      return { kind: "switch", state: newest };
  }
}

/** In which the way back goes on once the tail is dealt with. */
export const eraAfterRecovery = (
  { era, phase }: Pick<DrState, "era" | "phase">,
): number => phase === "releasing" ? era + 1 : era;

interface Found {
  readonly group: string;
  readonly topicId: string;
  readonly partition: number;
  readonly outputs: readonly DoneInput[];
}

/**
 * Groups that must rest while the tail is replayed: outputs of records that will
 * be replayed are there already, and they must know before they see these.
 */
export function restingGroups(
  found: readonly Found[],
  plan: readonly TopicPlan[],
): string[] {
  const ranges = new Map(
    plan.filter(({ treatment }) => treatment === "replay").flatMap((topic) =>
      topic.partitions.map(({ end, partition, start }) =>
        [`${topic.topicId}/${partition}`, { start, end }] as const
      )
    ),
  );
  const groups = found.filter(({ outputs, partition, topicId }) => {
    const range = ranges.get(`${topicId}/${partition}`);
    return range !== undefined &&
      outputs.some(([offset]) => offset >= range.start && offset < range.end);
  }).map(({ group }) => group);
  return [...new Set(groups)].sort();
}
