/** Whether anybody writes to a cluster. Pure. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import type { ClusterName } from "../state/mod.ts";
import { partitionsText } from "./partitions_text.ts";

/** Of one look. */
export interface Ends {
  readonly partitions: readonly TopicPartition[];
  /** High watermarks. */
  readonly written: OffsetTable;
  /** Last stable offsets. */
  readonly stable: OffsetTable;
}

/** Why it is not certain that nobody writes, and what to do; null: it is. */
export function unquiet(
  cluster: ClusterName,
  before: Ends,
  after: Ends,
): string | null {
  const { partitions } = after;
  const isKnown = (tp: TopicPartition) =>
    [before.written, before.stable, after.written, after.stable]
      .every((table) => offsetIn(table, tp) !== null);
  const unknown = partitions.filter((tp) => !isKnown(tp));
  if (unknown.length > 0) {
    return `where ${partitionsText(unknown)} of the ${cluster} ends is not ` +
      "known; see that its partitions have leaders";
  }
  const growing = partitions.filter((tp) =>
    offsetIn(before.written, tp) !== offsetIn(after.written, tp)
  );
  if (growing.length > 0) {
    return `somebody goes on writing to ${partitionsText(growing)} of the ` +
      `${cluster}; stop them`;
  }
  const open = partitions.filter((tp) =>
    [before, after].some(({ stable, written }) =>
      offsetIn(stable, tp) !== offsetIn(written, tp)
    )
  );
  return open.length === 0
    ? null
    : `transactions are open in ${partitionsText(open)} of the ${cluster}; ` +
      "end their producers";
}
