/** How everybody comes to rest on real clusters, before a planned switch. */
import { type Library } from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS, latestOffsets } from "../cut/requests.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import { type Flow, isOurClient, lanesTopic } from "../formats/mod.ts";
import { laneGroup } from "../mirror/names.ts";
import { FollowError, readMap } from "../offset_map/mod.ts";
import type { ClusterName, StateCluster } from "../state/mod.ts";
import { partitionsIn } from "../partitions.ts";
import { fenceOf } from "../denials.ts";
import { pause } from "../waits.ts";
import { untilMirrored } from "./caught_up.ts";
import type { RestParts } from "./come_to_rest.ts";
import { FailbackError, failed } from "./errors.ts";
import { committedByGroup, groupNames, unreleased } from "./group_positions.ts";
import { untilIdle } from "./idle_groups.ts";
import { unquiet } from "./quiet.ts";
import { untilNothingMissing } from "./until_nothing_missing.ts";
import { whileAlive } from "./while_alive.ts";

export interface RestOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, StateCluster>>;
  /** Of the mirror: from the cluster that is left. */
  readonly flow: Flow & Readonly<Record<"source" | "target", ClusterName>>;
  readonly isMirrored: (topic: string) => boolean;
  readonly targetTopic: (topic: string) => string;
  readonly isGroupMirrored: (group: string) => boolean;
  /** Whether the mirror sets positions of groups. */
  readonly setsGroupOffsets: boolean;
  /** How long pools may take to finish what they have. */
  readonly drainMs: number;
  /** Principals to be kept from the cluster that is left. Default: none. */
  readonly denied?: readonly string[] | undefined;
  /** As a user reads it. */
  readonly onProgress: (text: string) => void;
}

/** Of the mirror, to come to the end while it keeps up. */
const KEEPS_UP_MS = 30_000;
/** Of the mirror, once all rest; and of positions, which come with the next cut. */
const PATIENCE_MS = 60_000;
/** Whoever still writes then is not one of ours. */
const QUIET_MS = 30_000;
/** Writers pause as well. */
const SILENCE_MS = 1_000;
const NAMED = 5;

export function restParts(options: RestOptions): RestParts {
  const { clusters, flow, isMirrored, library, onProgress } = options;
  const [left, next] = [clusters[flow.source], clusters[flow.target]];
  // Mirrors share their lanes so, and go on all the time.
  const lanes = laneGroup({ source: flow.target, target: flow.source });
  const isGroup = (group: string) =>
    options.isGroupMirrored(group) && group !== lanes;

  const endsOf = async (signal: AbortSignal) => {
    const counts = await partitionCounts(left.admin, signal);
    const partitions = partitionsIn(counts, isMirrored);
    const ask = (isStable: boolean) =>
      latestOffsets(left.admin, partitions, isStable, REQUEST_MS, signal);
    const [written, stable] = await Promise.all([ask(false), ask(true)]);
    return { partitions, written, stable };
  };
  /** @throws {FailbackError} of the kind, where it stands still for so long. */
  const mirrored = async (
    kind: "refused" | "failed",
    patienceMs: number,
    signal: AbortSignal,
  ) => {
    try {
      await untilMirrored({
        library,
        flow,
        admin: left.admin,
        consumer: next.consumer,
        isMirrored,
        onLag: (lag) => {
          if (lag > 0) onProgress(`${lag} offsets to go`);
        },
        patienceMs,
      }, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FollowError && kind === "refused") {
        throw new FailbackError(kind, `no mirror has run (${error.message})`);
      }
      if (!(error instanceof FailbackError)) throw error;
      throw new FailbackError(kind, error.message);
    }
  };

  return {
    async strangers(signal) {
      const ids = await groupNames(left.admin, isGroup, signal);
      if (ids.length === 0) return [];
      const described = await askRepeatedly(
        async () => {
          const timeoutMs = ATTEMPT_MS;
          const { groups } = left.admin;
          const answers = await groups.describe(ids, { timeoutMs, signal });
          // A coordinator that has not answered by now.
          const late = answers.find(({ error }) => error?.retriable)?.error;
          if (late) throw late;
          return answers;
        },
        REQUEST_MS,
        signal,
      );
      return described.flatMap(({ error, groupId, members }) => {
        // Whether anybody works in its name is not known then.
        if (error !== null) return [`group ${groupId}: ${error.message}`];
        const others = members.map(({ clientId }) => clientId)
          .filter((id) => !isOurClient(id));
        return others.length === 0 ? [] : [
          `group ${groupId} has members on the ${flow.source} that are not ` +
          `Switchyard's (${others.slice(0, NAMED).join(", ")})`,
        ];
      });
    },
    expectMirrored: (signal) => mirrored("refused", KEEPS_UP_MS, signal),
    async untilAllIdle(signal) {
      const ids = await groupNames(left.admin, isGroup, signal);
      const { drainMs } = options;
      await untilIdle({ ...left, cluster: flow.source, drainMs }, ids, signal);
    },
    untilQuiet: (signal) =>
      untilNothingMissing(QUIET_MS, async () => {
        const before = await endsOf(signal);
        await mirrored("failed", PATIENCE_MS, signal);
        await pause(SILENCE_MS, signal);
        signal.throwIfAborted();
        return unquiet(flow.source, before, await endsOf(signal));
      }, signal),
    async untilReleased(signal) {
      if (!options.setsGroupOffsets) return 0;
      const stood = await committedByGroup(left.admin, isGroup, signal);
      const map = await readMap({
        library,
        properties: next.consumer,
        topic: lanesTopic(flow.source),
        failed,
        signal,
      });
      await untilNothingMissing(PATIENCE_MS, async () => {
        const there = await committedByGroup(
          next.admin,
          (group) => stood.has(group),
          signal,
        );
        const missing = unreleased(stood, there, map, options.targetTopic);
        return missing.length === 0
          ? null
          : `${missing.join("; ")}: positions do not come to the ` +
            `${flow.target}; see the mirror's log, and that none of these ` +
            `groups has members on the ${flow.target}`;
      }, signal);
      return stood.size;
    },
    fence: fenceOf({ ...left, cluster: flow.source }, options.denied),
    whileAlive: (work, signal) =>
      whileAlive(clusters.primary.admin, "the primary", work, signal),
  };
}
