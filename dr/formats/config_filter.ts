/** Which settings of a topic go along with it, as MirrorMaker 2 decides. Pure. */
import type { ConfigChange, ConfigEntry } from "../../src/kafka/mod.ts";
import { type NameFilter, type NameList, namePattern } from "./filters.ts";

/** `config.properties.exclude` of MirrorMaker 2 4.3.1. */
export const DEFAULT_CONFIGS_EXCLUDED = [
  "follower.replication.throttled.replicas",
  "leader.replication.throttled.replicas",
  "message.timestamp.difference.max.ms",
  "log.message.timestamp.before.max.ms",
  "log.message.timestamp.after.max.ms",
  "message.timestamp.type",
  "unclean.leader.election.enable",
  "min.insync.replicas",
].join(", ");

export interface ConfigFilter {
  readonly isCopied: NameFilter;
  /**
   * Whose default holds for a setting that the source's topic leaves at it:
   * `use.defaults.from`.
   */
  readonly defaultsFrom: "source" | "target";
}

/** @throws {PatternError} naming the setting and the place */
export function configFilter(
  excluded: NameList = DEFAULT_CONFIGS_EXCLUDED,
  defaultsFrom: ConfigFilter["defaultsFrom"] = "target",
): ConfigFilter {
  const isExcluded = namePattern("config.properties.exclude", excluded);
  return { isCopied: (name) => !isExcluded(name), defaultsFrom };
}

/** What the target's topic is created with, of the settings of the source's. */
export function newTopicConfigs(
  entries: readonly ConfigEntry[],
  filter: ConfigFilter,
): Record<string, string> {
  const copied = entries.filter((entry) =>
    isCopyable(entry, filter) &&
    (entry.source !== "default" || filter.defaultsFrom === "source")
  );
  return Object.fromEntries(
    copied.flatMap(({ name, value }) => value === null ? [] : [[name, value]]),
  );
}

/** What makes the settings of the target's topic those of the source's. */
export function topicConfigChanges(
  entries: readonly ConfigEntry[],
  filter: ConfigFilter,
): ConfigChange[] {
  return entries.filter((entry) => isCopyable(entry, filter))
    .map(({ name, value, source }) =>
      value === null || source === "default" && filter.defaultsFrom === "target"
        ? { operation: "reset", name }
        : { operation: "set", name, value }
    );
}

/** What stands in a broker's own file is a matter of its cluster. */
const isCopyable = (entry: ConfigEntry, filter: ConfigFilter) =>
  !entry.isReadOnly && !entry.isSensitive && entry.source !== "brokerFile" &&
  filter.isCopied(entry.name);
