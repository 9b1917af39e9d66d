/** What the switch back does on real clusters. */
import { askRepeatedly, ATTEMPT_MS, latestOffsets } from "../cut/requests.ts";
import { offsetIn } from "../cut/mod.ts";
import { openClusters } from "../clusters.ts";
import { openFailOver } from "../failover/compose.ts";
import { failOver } from "../failover/fail_over.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import {
  type Flow,
  lanesTopic,
  type ReplicationPolicy,
} from "../formats/mod.ts";
import { laneGroup } from "../mirror/names.ts";
import { LaneFollower, type OffsetMap } from "../offset_map/mod.ts";
import { pause } from "../waits.ts";
import { untilMirrored } from "./caught_up.ts";
import type { OpenFailBack, OpenFailBackOptions } from "./compose.ts";
import { FailbackError } from "./errors.ts";
import {
  committedByGroup,
  groupsBehind,
  unreleased,
} from "./group_positions.ts";
import { untilIdle } from "./idle_groups.ts";
import { readReplayLog } from "./replay_log_topic.ts";
import { seedOf, writeSeeds } from "./seed.ts";
import type { SwitchParts } from "./switch_back.ts";

export interface OpenSwitchOptions extends OpenFailBackOptions {
  /** Of the mirror from the secondary. */
  readonly policyBack: ReplicationPolicy;
  readonly isGroupMirrored: (group: string) => boolean;
  /** Whether the mirror back sets positions of groups. */
  readonly setsGroupOffsets: boolean;
}

const FORWARD: Flow = { source: "primary", target: "secondary" };
const BACK: Flow = { source: "secondary", target: "primary" };
const PATIENCE_MS = 60_000;
const LOOK_MS = 200;

/** @throws {PropertyError} where clients cannot be made. */
export function openSwitch(
  options: OpenSwitchOptions,
  opened: Pick<OpenFailBack, "change" | "newest" | "now" | "onStep">,
): SwitchParts & AsyncDisposable {
  const { isMirroredBack, library, log, onProgress } = options;
  // Mirrors share their lanes so, and go on all the time.
  const isGroupMirrored = (group: string) =>
    options.isGroupMirrored(group) && group !== laneGroup(FORWARD);
  const clients = openClusters(options);
  const { primary, secondary } = clients.clusters;
  const { onClientEvent: onEvent } = clients;

  const mapBack = async (signal: AbortSignal): Promise<OffsetMap> => {
    await using follower = await LaneFollower.open({
      library,
      properties: primary.consumer,
      topic: lanesTopic(BACK.source),
      signal,
    });
    await follower.load(signal);
    return follower.map;
  };
  const endsOf = async (signal: AbortSignal) => {
    const counts = await partitionCounts(secondary.admin, signal);
    const partitions = [...counts].filter(([topic]) => isMirroredBack(topic))
      .flatMap(([topic, count]) =>
        Array.from({ length: count }, (_, partition) => ({ topic, partition }))
      );
    const ask = (isStable: boolean) =>
      latestOffsets(secondary.admin, partitions, isStable, REQUEST_MS, signal);
    const [written, stable] = await Promise.all([ask(false), ask(true)]);
    return {
      text: partitions.map((tp) => offsetIn(written, tp)).join(),
      isStable: partitions.every((tp) =>
        offsetIn(written, tp) === offsetIn(stable, tp)
      ),
    };
  };
  const within = async (
    what: string,
    isSo: () => Promise<boolean>,
    signal: AbortSignal,
  ) => {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!await isSo()) {
      if (performance.now() > deadlineMs) {
        throw new FailbackError("failed", `${what}, and run it again`);
      }
      await pause(LOOK_MS, signal);
      signal.throwIfAborted();
    }
  };
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
    const [primaryEnds, secondaryEnds, summaries] = await Promise.all([
      latestOffsets(primary.admin, partitions, false, REQUEST_MS, signal),
      latestOffsets(secondary.admin, partitions, false, REQUEST_MS, signal),
      askRepeatedly(
        () =>
          primary.admin.topics.summarize(topics, {
            timeoutMs: ATTEMPT_MS,
            signal,
          }),
        REQUEST_MS,
        signal,
      ),
    ]);
    const ids = new Map(
      summaries.filter(({ error }) => error === null)
        .map(({ topic, topicId }) => [topic, topicId]),
    );
    const deltas = partitions.flatMap((tp) => {
      const topicId = ids.get(tp.topic);
      if (topicId === undefined) return [];
      // What somebody may have written behind the last copy is mirrored.
      const { downstream } = map.end(tp);
      const start = downstream > 0
        ? downstream
        : offsetIn(primaryEnds, tp) ?? 0;
      return [seedOf(tp, topicId, start, offsetIn(secondaryEnds, tp) ?? 0)];
    });
    const writing = { library, properties: secondary.producer, onEvent };
    const parts = { library, flow: FORWARD, ...secondary, writing, lanes };
    await writeSeeds(parts, deltas, era, signal);
  };

  return {
    ...opened,
    async behind(signal) {
      const [groups, map, log] = await Promise.all([
        committedByGroup(secondary.admin, isGroupMirrored, signal),
        mapBack(signal),
        readReplayLog({ library, flow: FORWARD, ...secondary }, signal),
      ]);
      return groupsBehind(groups, map, log.written());
    },
    async untilAllIdle(signal) {
      const groups = await committedByGroup(
        secondary.admin,
        isGroupMirrored,
        signal,
      );
      await untilIdle(secondary.admin, [...groups.keys()], signal);
    },
    untilQuiet: (signal) =>
      within(
        "somebody goes on writing to the secondary; stop them",
        async () => {
          const before = await endsOf(signal);
          await untilMirrored({
            library,
            flow: BACK,
            admin: secondary.admin,
            consumer: primary.consumer,
            isMirrored: isMirroredBack,
            onLag: (lag) => onProgress(`${lag} offsets to go`),
          }, signal);
          const after = await endsOf(signal);
          return before.isStable && after.isStable &&
            before.text === after.text;
        },
        signal,
      ),
    async untilReleased(signal) {
      if (!options.setsGroupOffsets) return 0;
      const groups = await committedByGroup(
        secondary.admin,
        isGroupMirrored,
        signal,
      );
      const map = await mapBack(signal);
      await within(
        "positions of groups do not come to the primary; see the mirror's log",
        async () => {
          const there = await committedByGroup(
            primary.admin,
            (group) => groups.has(group),
            signal,
          );
          return unreleased(groups, there, map) === 0;
        },
        signal,
      );
      return groups.size;
    },
    async promote(reason, onStep, signal) {
      await using parts = openFailOver({
        library,
        clusters: options.clusters,
        to: "primary",
        policy: options.policyBack,
        replicationFactor: options.replicationFactor,
        onStep: (report) => onStep(report),
        log,
      });
      const outcome = await failOver(
        {
          ...parts,
          async outputs(era, each) {
            const found = await parts.outputs(era, each);
            await seedForward(era, each);
            return found;
          },
        },
        { to: "primary", reason },
        signal,
      );
      if (outcome.state === null) throw new Error("there is no state");
      return outcome.state;
    },
    [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose](),
  };
}
