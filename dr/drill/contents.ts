/**
 * Whether records are what they should be: inputs what the load has sent, outputs
 * what their inputs demand, and copies what they are copies of, each with its
 * partition, key, value, headers and timestamp. Pure.
 *
 *     sent ──> input ──mirror──> the same
 *                └──> outputs ──mirror──> the same
 */
import { type ClusterName, other } from "../state/types.ts";
import type { Evidence } from "./judge.ts";
import type { Seen, SeenOutput, Sent } from "./types.ts";

/** How many are not. */
export interface WrongContents {
  readonly inputs: number;
  readonly outputs: number;
  readonly copies: number;
}

/** What nobody has sent or demanded is counted elsewhere. */
export function wrongContents({ clusters, sent }: Evidence): WrongContents {
  const bySent = new Map(sent.map((each) => [each.id, each]));
  const all = Object.values(clusters);
  const inputs = all.flatMap((each) => each.inputs).filter((each) => {
    const own = bySent.get(each.id);
    return own !== undefined && !isAsSent(each, own);
  });
  const outputs = all.flatMap((each) => each.outputs).filter((each) => {
    const own = bySent.get(each.id);
    return own !== undefined && !isAsDemanded(each, own);
  });
  const wrongInputs = changed(clusters, ({ inputs }) => inputs, {
    name: ({ id }) => `${id}`,
    madeOn: ({ id }) => bySent.get(id)?.cluster ?? null,
  });
  const wrongOutputs = changed(clusters, ({ outputs }) => outputs, {
    name: ({ id, ordinal }) => `${id}/${ordinal}`,
    madeOn: ({ claim }) => nameOf(clusters, claim?.clusterId ?? null),
  });
  return {
    inputs: inputs.length,
    outputs: outputs.length,
    copies: wrongInputs + wrongOutputs,
  };
}

const isAsSent = ({ key, value }: Seen, { id, key: wanted, outputs }: Sent) =>
  key === wanted && value === JSON.stringify({ id, outputs });

const isAsDemanded = (
  { id, key, ordinal, value }: SeenOutput,
  { key: wanted }: Sent,
) => key === wanted && value === JSON.stringify({ id, ordinal });

type Clusters = Evidence["clusters"];

interface Named<T> {
  /** The same for a copy. */
  readonly name: (record: T) => string;
  /** Where it was written first; null: it is not known. */
  readonly madeOn: (record: T) => ClusterName | null;
}

/** Copies that are unlike all of their name on the cluster where it was made. */
function changed<T extends Seen>(
  clusters: Clusters,
  of: (cluster: Clusters[ClusterName]) => readonly T[],
  { madeOn, name }: Named<T>,
): number {
  return (["primary", "secondary"] as const).map((from) => {
    const made = Map.groupBy(
      of(clusters[from]).filter((each) => madeOn(each) === from),
      name,
    );
    return of(clusters[other(from)]).filter((copy) => {
      const those = madeOn(copy) === from ? made.get(name(copy)) : undefined;
      // One that was never there is counted elsewhere.
      return those !== undefined &&
        !those.some(({ digest, partition }) =>
          digest === copy.digest && partition === copy.partition
        );
    }).length;
  }).reduce((sum, each) => sum + each, 0);
}

function nameOf(
  clusters: Clusters,
  clusterId: string | null,
): ClusterName | null {
  if (clusterId === null) return null;
  return (["primary", "secondary"] as const)
    .find((name) => clusters[name].clusterId === clusterId) ?? null;
}
