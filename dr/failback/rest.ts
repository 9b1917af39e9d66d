/** How everybody comes to rest on real clusters, before a planned switch. */
import { type Library } from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { askRepeatedly, ATTEMPT_MS, latestOffsets } from "../cut/requests.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import { type Flow, lanesTopic } from "../formats/mod.ts";
import { idOf, laneGroup } from "../mirror/names.ts";
import {
  FollowError,
  LaneFollower,
  type OffsetMap,
} from "../offset_map/mod.ts";
import type { ClusterName, StateCluster } from "../state/mod.ts";
import { pause } from "../waits.ts";
import { untilMirrored } from "./caught_up.ts";
import type { RestParts } from "./come_to_rest.ts";
import { FailbackError } from "./errors.ts";
import { committedByGroup, unreleased } from "./group_positions.ts";
import { untilIdle } from "./idle_groups.ts";
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
const LOOK_MS = 200;
/** Of all that this project runs; see `clientSettings` and `dr/follow`. */
const OURS = "switchyard-";
const NAMED = 5;

/** The mirror's map, read to its end. @throws {KafkaError | FollowError}. */
export async function readMap(
  library: Library,
  target: StateCluster,
  source: string,
  signal: AbortSignal,
): Promise<OffsetMap> {
  await using follower = await LaneFollower.open({
    library,
    properties: target.consumer,
    topic: lanesTopic(source),
    signal,
  });
  await follower.load(signal);
  return follower.map;
}

export function restParts(options: RestOptions): RestParts {
  const { clusters, flow, isMirrored, library, onProgress } = options;
  const [left, next] = [clusters[flow.source], clusters[flow.target]];
  // Mirrors share their lanes so, and go on all the time.
  const lanes = laneGroup({ source: flow.target, target: flow.source });
  const isGroup = (group: string) =>
    options.isGroupMirrored(group) && group !== lanes;
  const groups = (signal: AbortSignal) =>
    committedByGroup(left.admin, isGroup, signal);

  const endsOf = async (signal: AbortSignal) => {
    const counts = await partitionCounts(left.admin, signal);
    const partitions = [...counts].filter(([topic]) => isMirrored(topic))
      .flatMap(([topic, count]) =>
        Array.from({ length: count }, (_, partition) => ({ topic, partition }))
      );
    const ask = (isStable: boolean) =>
      latestOffsets(left.admin, partitions, isStable, REQUEST_MS, signal);
    const [written, stable] = await Promise.all([ask(false), ask(true)]);
    return { partitions, written, stable };
  };
  /** @throws {FailbackError} of the kind, where it takes longer. */
  const mirrored = async (
    kind: "refused" | "failed",
    timeoutMs: number,
    signal: AbortSignal,
  ) => {
    const late = AbortSignal.timeout(timeoutMs);
    let lag: number | null = null;
    try {
      await untilMirrored({
        library,
        flow,
        admin: left.admin,
        consumer: next.consumer,
        isMirrored,
        onLag: (offsets) => {
          lag = offsets;
          onProgress(`${offsets} offsets to go`);
        },
      }, AbortSignal.any([signal, late]));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FollowError && kind === "refused") {
        throw new FailbackError(kind, `no mirror has run (${error.message})`);
      }
      if (!late.aborted) throw error;
      throw new FailbackError(
        kind,
        `the mirror from the ${flow.source} did not come to the end within ` +
          `${timeoutMs / 1000} s` +
          `${
            lag === null ? "" : ` (${lag} offsets are missing)`
          }: see that it ` +
          "runs and keeps up",
      );
    }
  };

  return {
    async strangers(signal) {
      const { errors, groups: listed } = await askRepeatedly(
        () => left.admin.groups.list({ timeoutMs: ATTEMPT_MS, signal }),
        REQUEST_MS,
        signal,
      );
      if (errors.length > 0) throw errors[0];
      const ids = listed.map(({ groupId }) => groupId).filter(isGroup);
      if (ids.length === 0) return [];
      const described = await askRepeatedly(
        () =>
          left.admin.groups.describe(ids, { timeoutMs: ATTEMPT_MS, signal }),
        REQUEST_MS,
        signal,
      );
      return described.flatMap(({ error, groupId, members }) => {
        // Whether anybody works in its name is not known then.
        if (error !== null) return [`group ${groupId}: ${error.message}`];
        const others = members.map(({ clientId }) => clientId)
          .filter((id) => !id.startsWith(OURS));
        return others.length === 0 ? [] : [
          `group ${groupId} has members on the ${flow.source} that are not ` +
          `Switchyard's (${others.slice(0, NAMED).join(", ")})`,
        ];
      });
    },
    expectMirrored: (signal) => mirrored("refused", KEEPS_UP_MS, signal),
    async untilAllIdle(signal) {
      const ids = [...(await groups(signal)).keys()];
      await untilIdle(left.admin, ids, signal);
    },
    async untilQuiet(signal) {
      const deadlineMs = performance.now() + QUIET_MS;
      for (;;) {
        const before = await endsOf(signal);
        await mirrored("failed", PATIENCE_MS, signal);
        await pause(SILENCE_MS, signal);
        signal.throwIfAborted();
        const after = await endsOf(signal);
        const moving = after.partitions.filter((tp) => {
          const at = (table: OffsetTable) => offsetIn(table, tp);
          const end = at(after.written);
          return end === null || end !== at(before.written) ||
            end !== at(before.stable) || end !== at(after.stable);
        });
        if (moving.length === 0) return;
        if (performance.now() > deadlineMs) {
          throw new FailbackError(
            "failed",
            `somebody goes on writing to the ${flow.source}, or has a ` +
              "transaction open there, or a partition has no leader: see to " +
              moving.slice(0, NAMED).map(idOf).join(", "),
          );
        }
        await pause(LOOK_MS, signal);
        signal.throwIfAborted();
      }
    },
    async untilReleased(signal) {
      if (!options.setsGroupOffsets) return 0;
      const stood = await groups(signal);
      const map = await readMap(library, next, flow.source, signal);
      const deadlineMs = performance.now() + PATIENCE_MS;
      for (;;) {
        const there = await committedByGroup(
          next.admin,
          (group) => stood.has(group),
          signal,
        );
        if (unreleased(stood, there, map, options.targetTopic) === 0) {
          return stood.size;
        }
        if (performance.now() > deadlineMs) {
          throw new FailbackError(
            "failed",
            `positions of groups do not come to the ${flow.target}: see the ` +
              "mirror's log",
          );
        }
        await pause(LOOK_MS, signal);
        signal.throwIfAborted();
      }
    },
    whileAlive: (work, signal) =>
      whileAlive(clusters.primary.admin, "the primary", work, signal),
  };
}
