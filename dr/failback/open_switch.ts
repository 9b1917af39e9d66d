/** What the switch back does on real clusters. */
import { latestOffsets } from "../cut/requests.ts";
import { openFailOver } from "../failover/compose.ts";
import { failOver } from "../failover/fail_over.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import { lanesTopic, type ReplicationPolicy } from "../formats/mod.ts";
import { laneGroup } from "../mirror/names.ts";
import { readMap } from "../offset_map/mod.ts";
import { type LeaseTimes, OvertakenError } from "../state/mod.ts";
import type { OpenFailBack, OpenFailBackOptions } from "./compose.ts";
import { FailbackError, failed } from "./errors.ts";
import { committedByGroup, groupsBehind, lowestOf } from "./group_positions.ts";
import { lastMadeAgain } from "./made_again.ts";
import { readReplayLog, writtenNow } from "./replay_log_topic.ts";
import { restParts } from "./rest.ts";
import { writeSeeds } from "./seed.ts";
import { forwardSeeds } from "./seed_forward.ts";
import type { SwitchParts } from "./switch_back.ts";
import { topicIdsNow } from "../topics_now.ts";

export interface OpenSwitchOptions extends OpenFailBackOptions {
  /** Of the mirror from the secondary. */
  readonly policyBack: ReplicationPolicy;
  readonly isGroupMirrored: (group: string) => boolean;
  /** Of pools on the secondary; null: they have no leases. */
  readonly leases: LeaseTimes | null;
  /** Whether the mirror back sets positions of groups. */
  readonly setsGroupOffsets: boolean;
  /** Principals to be kept from the cluster that is left. Default: none. */
  readonly denied?: readonly string[];
}

const FORWARD = { source: "primary", target: "secondary" } as const;
const BACK = { source: "secondary", target: "primary" } as const;

/** Of the failback's. */
export type OpenedParts = Pick<
  OpenFailBack,
  "change" | "clients" | "giveUp" | "latest" | "newest" | "now" | "onStep"
>;

export function openSwitch(
  options: OpenSwitchOptions,
  opened: OpenedParts,
): SwitchParts {
  const { isMirroredBack, library, log } = options;
  // Mirrors share their lanes so, and go on all the time.
  const isGroupMirrored = (group: string) =>
    options.isGroupMirrored(group) && group !== laneGroup(FORWARD);
  const { clusters, onClientEvent: onEvent } = opened.clients;
  const { primary, secondary } = clusters;

  const mapBack = (signal: AbortSignal) =>
    readMap({
      library,
      properties: primary.consumer,
      topic: lanesTopic(BACK.source),
      failed,
      signal,
    });
  /** Where both clusters agree: nothing of what is below need be mirrored. */
  const seedForward = async (era: number, signal: AbortSignal) => {
    const map = await mapBack(signal);
    const partitions = Array.from(map.partitions(), (each) => ({
      topic: each.topic,
      partition: each.partition,
    }));
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const counts = await partitionCounts(secondary.admin, signal);
    const lanes = counts.get(lanesTopic(FORWARD.source)) ?? 0;
    if (lanes === 0 || topics.length === 0) return;
    const [secondaryEnds, primaryIds, groups] = await Promise.all([
      latestOffsets(secondary.admin, partitions, false, REQUEST_MS, signal),
      topicIdsNow(primary.admin, topics, signal),
      committedByGroup(secondary.admin, isGroupMirrored, signal),
    ]);
    const { deltas, problems } = forwardSeeds({
      map,
      returns: isMirroredBack,
      primaryIds,
      secondaryEnds,
      lowest: lowestOf(groups),
    });
    if (problems.length > 0) {
      throw new FailbackError("failed", problems.join("; "));
    }
    const writing = { library, properties: secondary.producer, onEvent };
    const parts = { library, flow: FORWARD, ...secondary, writing, lanes };
    await writeSeeds(parts, deltas, era, signal);
  };

  return {
    ...opened,
    ...restParts({
      ...options,
      clusters,
      flow: BACK,
      isMirrored: isMirroredBack,
      targetTopic: (topic) => topic,
    }),
    async behind(signal) {
      const [groups, map, log] = await Promise.all([
        committedByGroup(secondary.admin, isGroupMirrored, signal),
        mapBack(signal),
        readReplayLog({ library, flow: FORWARD, ...secondary }, signal),
      ]);
      const admins = { old: primary.admin, active: secondary.admin };
      const { kept, returned } = await writtenNow(log, admins, signal);
      const again = kept.length === 0 ? undefined : await lastMadeAgain(
        { library, ...secondary, map },
        kept,
        groups.values(),
        signal,
      );
      return groupsBehind(groups, map, returned, again);
    },
    async promote({ spans, ...request }, signal) {
      await using parts = openFailOver({
        library,
        clusters: options.clusters,
        to: "primary",
        policy: options.policyBack,
        replicationFactor: options.replicationFactor,
        onStep: opened.onStep,
        log,
        leases: options.leases,
      }, opened.clients);
      const outcome = await failOver(
        {
          ...parts,
          spans,
          async outputs(era, each) {
            const found = await parts.outputs(era, each);
            await seedForward(era, each);
            return found;
          },
        },
        { ...request, to: "primary", isPlanned: true },
        signal,
      );
      const { kind, state } = outcome;
      if (kind === "another" || state === null) throw new OvertakenError(state);
      return state;
    },
  };
}
