/** The target of a mirror, as far as groups are released there. */
import type { Admin, KafkaError } from "../../src/kafka/mod.ts";
import type { GroupWriter } from "./group_writer.ts";
import { askRepeatedly, ATTEMPT_MS } from "./requests.ts";
import type { GroupOffset } from "./types.ts";

export interface TargetCluster {
  /** Groups that have members, or may have: whatever is not known to be empty. */
  activeGroups(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** What a group has committed; nothing where it does not exist. */
  committed(group: string, signal: AbortSignal): Promise<GroupOffset[]>;
  /** Sets committed offsets. */
  commit(
    group: string,
    offsets: readonly GroupOffset[],
    signal: AbortSignal,
  ): Promise<Commitment>;
}

export type Commitment =
  | { readonly kind: "committed" }
  /** Somebody has joined meanwhile: nothing was set. */
  | { readonly kind: "active" }
  /** They may be set or not, and may be tried again. */
  | { readonly kind: "failed"; readonly error: KafkaError };

/** States of groups without members. */
const EMPTY: ReadonlySet<string> = new Set(["Empty", "Dead"]);

export interface TargetClusterOptions {
  /** Of the target; it is not closed here. */
  readonly admin: Admin;
  readonly writer: Pick<GroupWriter, "commit">;
  /** Of each question, repeated attempts included. */
  readonly timeoutMs: number;
}

export function targetCluster(
  { admin, timeoutMs, writer }: TargetClusterOptions,
): TargetCluster {
  return {
    async activeGroups(signal) {
      const { groups, errors } = await askRepeatedly(
        () => admin.groups.list({ timeoutMs: ATTEMPT_MS, signal }),
        timeoutMs,
        signal,
      );
      // The groups of a broker that fails would pass for such that do not exist.
      if (errors.length > 0) throw errors[0];
      return new Set(
        groups.filter(({ state }) => !EMPTY.has(state))
          .map(({ groupId }) => groupId),
      );
    },
    async committed(group, signal) {
      const answers = await askRepeatedly(
        () =>
          admin.groups.offsets(group, "all", {
            timeoutMs: ATTEMPT_MS,
            requireStable: true,
            signal,
          }),
        timeoutMs,
        signal,
      );
      const failed = answers.find(({ error }) => error !== null)?.error;
      if (failed) throw failed;
      return answers.flatMap(({ topic, partition, offset, metadata }) =>
        offset === null ? [] : [{ topic, partition, offset, metadata }]
      );
    },
    async commit(group, offsets, signal) {
      if (offsets.length === 0) return { kind: "committed" };
      return await writer.commit(group, offsets, signal);
    },
  };
}
