/** What the way back and planned switches are told by the settings. */
import {
  type ClusterSettings,
  delayTopicPrefix,
  type Settings,
} from "../config/mod.ts";
import type { OpenSwitchOverOptions } from "../../dr/failback/mod.ts";
import { groupFilter } from "../../dr/formats/mod.ts";
import type { ClusterName } from "../../dr/state/mod.ts";
import { clientSettings } from "./client_properties.ts";
import type { FailbackOptions } from "./failback_options.ts";
import { leaseTimes } from "./lease_times.ts";
import {
  LARGEST_RECORD_BYTES,
  mirroredTopics,
  policyOf,
} from "./run_mirror.ts";

/** Each as its class says. */
export const NO_TAIL_CHOSEN = { tailOf: () => null, tailTopics: [] };

type Others = Pick<
  OpenSwitchOverOptions,
  "denied" | "library" | "log" | "onProgress" | "onStep"
>;

export function switchOptions(
  settings: Settings,
  brokers: Readonly<Record<ClusterName, string>>,
  tail: Pick<FailbackOptions, "tailOf" | "tailTopics">,
  others: Others,
): OpenSwitchOverOptions {
  const { mirror } = settings;
  const clients = (of: ClusterSettings, servers: string) => {
    const exact = { ...settings, guarantee: "exactly-once" } as const;
    const { producer, ...rest } = clientSettings(exact, of, servers);
    const large = { ...producer, "message.max.bytes": LARGEST_RECORD_BYTES };
    return { ...rest, producer: large };
  };
  return {
    ...others,
    clusters: {
      primary: clients(settings.primary, brokers.primary),
      secondary: clients(settings.secondary, brokers.secondary),
    },
    rules: {
      isDerived: derivedTopics(settings),
      chosen: tail.tailOf,
      named: tail.tailTopics,
    },
    isMirrored: mirroredTopics(settings, "primary"),
    isMirroredOver: withoutHeartbeats(settings, "primary"),
    isMirroredBack: withoutHeartbeats(settings, "secondary"),
    drainMs: settings.drainMs,
    lanes: mirror.lanes,
    replicationFactor: mirror.replicationFactor,
    policy: policyOf(settings, "primary"),
    policyBack: policyOf(settings, "secondary"),
    isGroupMirrored: groupFilter(mirror.groups, mirror.excludeGroups),
    setsGroupOffsets: mirror.groupSync,
    leasesOver: leaseTimes(settings, settings.primary),
    leases: leaseTimes(settings, settings.secondary),
  };
}

/** What pools write, and what mirrors write for each other. */
function derivedTopics(settings: Settings): (topic: string) => boolean {
  const { dlqTopic, inputTopic, outputTopic } = settings;
  const policy = policyOf(settings, "primary");
  return (topic) =>
    topic === outputTopic || topic === dlqTopic ||
    topic.startsWith(delayTopicPrefix(inputTopic)) ||
    policy.isHeartbeatsTopic(topic);
}

/** Mirrors go on writing those. */
function withoutHeartbeats(
  settings: Settings,
  source: ClusterName,
): (topic: string) => boolean {
  const policy = policyOf(settings, "primary");
  const isMirrored = mirroredTopics(settings, source);
  return (topic) => isMirrored(topic) && !policy.isHeartbeatsTopic(topic);
}
