/**
 * Outputs of tail records that were mirrored before the failover although their
 * inputs were not. Their inputs are replayed all the same, because others read
 * them too; pools learn not to send these outputs again, by the offsets at which
 * the inputs lie on the active cluster now. Pure.
 *
 *     tail   input 120 of the old cluster, ordinals 0 and 2 are there
 *     chunk  120 -> 7020
 *     done   input 7020 of the active cluster: ordinals 0 and 2
 *
 * A copy of which the topic is not there, or was created anew, is left out:
 * nobody reads it.
 */
import type { DoneInput } from "../../src/pool/done_outputs.ts";
import type { DoneEntry, EraOutputs } from "../failover/done_records.ts";
import type { ReplayLog } from "./replay_records.ts";

/**
 * All that pools must know in the era after the replay: what they knew before,
 * and what is there of replayed inputs.
 * @param found of the promotion
 * @param topicIds of the active cluster, by topic
 * @param era the next one
 */
export function doneAfterReplay(
  found: EraOutputs,
  log: Pick<ReplayLog, "copyOf">,
  topicIds: ReadonlyMap<string, string>,
  era: number,
): EraOutputs {
  const entries = new Map<string, DoneEntry & { outputs: DoneInput[] }>();
  const entryOf = (place: Omit<DoneEntry, "outputs">) => {
    const { count, group, output, partition, topic, topicId } = place;
    const key = [topic, topicId, partition, count, output, group].join("/");
    const entry = entries.get(key) ?? { ...place, outputs: [] };
    entries.set(key, entry);
    return entry;
  };
  for (const { outputs, ...place } of found.done) {
    const known = entryOf(place).outputs;
    for (const each of outputs) known.push(each);
  }
  for (const { outputs, ...place } of found.tail) {
    for (const [upstream, ...ordinals] of outputs) {
      const copy = log.copyOf(place, upstream);
      // Else another record may lie at this offset, and would give nothing.
      if (copy === null || topicIds.get(copy.target) !== copy.targetId) {
        continue;
      }
      const { target: topic, targetId: topicId } = copy;
      entryOf({ ...place, topic, topicId }).outputs
        .push([copy.offset, ...ordinals]);
    }
  }
  const done = Array.from(entries.values(), (each) => ({
    ...each,
    outputs: inOrder(each.outputs),
  }));
  return { era, done, tail: found.tail };
}

/** Each input once: what was written before a crash may be found again. */
function inOrder(outputs: readonly DoneInput[]): DoneInput[] {
  const ordinals = new Map<number, Set<number>>();
  for (const [offset, ...those] of outputs) {
    ordinals.set(
      offset,
      (ordinals.get(offset) ?? new Set()).union(new Set(those)),
    );
  }
  return [...ordinals]
    .sort(([one], [other]) => one - other)
    .map(([offset, those]) =>
      [offset, ...[...those].sort((one, other) => one - other)] as const
    );
}
