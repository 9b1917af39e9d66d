/** Which settings of a topic go along with it, as MirrorMaker 2 decides. Pure. */
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

/**
 * Whether a setting of this name is copied.
 * @throws {PatternError} naming the setting and the place
 */
export function configFilter(
  excluded: NameList = DEFAULT_CONFIGS_EXCLUDED,
): NameFilter {
  const isExcluded = namePattern("config.properties.exclude", excluded);
  return (name) => !isExcluded(name);
}
