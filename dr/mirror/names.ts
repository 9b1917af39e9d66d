/** What a mirror from one cluster to another is called on both of them. Pure. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { type Flow, NAMESPACE } from "../formats/mod.ts";

/** On the target: shares the lanes among mirrors. */
export const laneGroup = ({ source, target }: Flow) =>
  `${NAMESPACE}-mirror-${source}-${target}`;

export const transactionalId = ({ source, target }: Flow, lane: number) =>
  `${NAMESPACE}-${source}-${target}-${lane}`;

/** On the target: of whoever sets the positions of groups there. */
export const groupsTransactionalId = ({ source, target }: Flow) =>
  `${NAMESPACE}-${source}-${target}-groups`;

/** By what maps of partitions are keyed, and what logs call them. */
export const idOf = ({ topic, partition }: TopicPartition) =>
  `${topic}-${partition}`;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The lane of a source partition: FNV-1a of the topic, so that topics of one
 * partition spread, plus the partition, so that those of a topic spread evenly.
 */
export function laneOf(
  { topic, partition }: TopicPartition,
  lanes: number,
): number {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(topic)) {
    hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  }
  return (hash + partition) % lanes;
}
