/**
 * Embedded clusters show the records of transactions that were aborted by who
 * took their transactional id over. Kafka hides them, and so does this. Pure.
 *
 *     committed ──> from ── aborted, and shown ──> atMs ── processed again
 */
import type { ClusterName } from "../state/types.ts";
import type { Evidence } from "./judge.ts";
import type { Observed, SeenOutput, ShownAbort } from "./types.ts";

/** Without outputs of the active cluster that were never committed. */
export function withoutAborted(evidence: Evidence): Evidence {
  const { aborts = [], active, clusters } = evidence;
  if (aborts.length === 0) return evidence;
  const here = clusters[active];
  const names = new Map<string, ClusterName>();
  for (const name of ["primary", "secondary"] as const) {
    const { clusterId } = clusters[name];
    if (clusterId !== null) names.set(clusterId, name);
  }
  const isShown = (output: SeenOutput) =>
    aborts.some((each) => isOf(each, output, names));
  const committed = new Set(
    here.outputs.filter((each) => !isShown(each)).map(nameOf),
  );
  const kept = new Set<string>();
  const outputs = here.outputs.filter((each) => {
    if (!isShown(each)) return true;
    // Others took what a mirror brought for what is there, and left it out.
    const isOnlyOne = names.get(each.claim!.clusterId) !== active &&
      !committed.has(nameOf(each)) && !kept.has(nameOf(each));
    if (isOnlyOne) kept.add(nameOf(each));
    return isOnlyOne;
  });
  const cleaned: Observed = { ...here, outputs };
  return { ...evidence, clusters: { ...clusters, [active]: cleaned } };
}

const nameOf = ({ id, ordinal }: SeenOutput) => `${id}/${ordinal}`;

function isOf(
  { atMs, cluster, from }: ShownAbort,
  { claim, writtenMs }: SeenOutput,
  names: ReadonlyMap<string, ClusterName>,
): boolean {
  if (claim === null || names.get(claim.clusterId) !== cluster) return false;
  const start = from[claim.partition];
  return start !== undefined && claim.offset >= start && writtenMs <= atMs;
}
