/** Where a replayed record comes from, in a header of its copy. Pure. */
import type { ReadHeader } from "../../src/kafka/mod.ts";

/** `<cluster id>/<topic id>/<partition>/<offset>` of the old cluster, as text. */
export const ORIGIN_HEADER = "switchyard.origin";

export interface Origin {
  readonly clusterId: string;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
}

/** Behind all others: of several the last counts. */
export const withOrigin = (
  headers: readonly ReadHeader[],
  { clusterId, offset, partition, topicId }: Origin,
): { readonly key: string; readonly value: Uint8Array | string | null }[] => [
  ...headers,
  {
    key: ORIGIN_HEADER,
    value: `${clusterId}/${topicId}/${partition}/${offset}`,
  },
];
