/** Which settings a target topic should have, and what to change for that. */
import type { ConfigChange, ConfigEntry } from "../../src/kafka/mod.ts";
import { appliesTo, type TopicRule } from "./pattern.ts";

/** Settings of the targets of some source topics, whatever the source says. */
export interface ConfigOverride extends TopicRule {
  /** By Kafka's names of topic settings, for example `retention.ms`. */
  readonly configs: Readonly<Record<string, string>>;
  /** Of new topics; fewer where the target has fewer brokers. */
  readonly replicationFactor?: number;
}

export interface ConfigRules {
  /** Whether a setting of this name is copied from the source. */
  readonly isConfigCopied: (name: string) => boolean;
  /** Of those that match, the first that has a setting decides on it. */
  readonly configOverrides: readonly ConfigOverride[];
}

const LONG_MAX = "9223372036854775807";

/**
 * A mirrored record keeps its time, however old or wrong that is. Nothing
 * overrides these.
 */
export const FIXED_CONFIGS: Readonly<Record<string, string>> = {
  "message.timestamp.type": "CreateTime",
  "message.timestamp.before.max.ms": LONG_MAX,
  "message.timestamp.after.max.ms": LONG_MAX,
};

const MIN_IN_SYNC = "min.insync.replicas";

/**
 * What the target should have set. Only settings of the source topic itself are
 * copied: a broker's own defaults are for its cluster.
 *
 * @param replicationFactor of the target: more replicas in sync than it has
 * would make it read-only.
 */
export function wantedConfigs(
  topic: string,
  source: readonly ConfigEntry[],
  replicationFactor: number,
  rules: ConfigRules,
): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const entry of source) {
    if (isCopied(entry, rules)) wanted.set(entry.name, entry.value);
  }
  // So that the first is the last one to set.
  for (const { configs } of overridesOf(topic, rules).reverse()) {
    for (const [name, value] of Object.entries(configs)) {
      wanted.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(FIXED_CONFIGS)) {
    wanted.set(name, value);
  }
  if (Number(wanted.get(MIN_IN_SYNC)) > replicationFactor) {
    wanted.set(MIN_IN_SYNC, String(replicationFactor));
  }
  return wanted;
}

/** What overrides want for a new topic; null: none of them says. */
export const wantedReplicationFactor = (
  topic: string,
  rules: ConfigRules,
): number | null =>
  overridesOf(topic, rules).find(({ replicationFactor }) =>
    replicationFactor !== undefined
  )?.replicationFactor ?? null;

/**
 * From what the target has to what it should have. A copied setting that went
 * back to its default on the source goes back to the target's default; what the
 * source does not know or what is not copied is left alone.
 */
export function configChanges(
  source: readonly ConfigEntry[],
  target: readonly ConfigEntry[],
  wanted: ReadonlyMap<string, string>,
  { isConfigCopied }: ConfigRules,
): ConfigChange[] {
  const present = new Map(target.map((each) => [each.name, each]));
  const set = [...wanted].filter(([name, value]) => {
    const entry = present.get(name);
    return entry?.source !== "topic" || !isSameValue(entry.value, value);
  }).map(([name, value]): ConfigChange => ({ operation: "set", name, value }));
  const reset = source.map(({ name }) => name).filter((name) =>
    present.get(name)?.source === "topic" && !wanted.has(name) &&
    isConfigCopied(name)
  ).map((name): ConfigChange => ({ operation: "reset", name }));
  return [...set, ...reset];
}

const overridesOf = (topic: string, { configOverrides }: ConfigRules) =>
  configOverrides.filter((each) => appliesTo(each, topic));

const isCopied = (
  entry: ConfigEntry,
  { isConfigCopied }: ConfigRules,
): entry is ConfigEntry & { readonly value: string } =>
  entry.source === "topic" && entry.value !== null && !entry.isReadOnly &&
  !entry.isSensitive && isConfigCopied(entry.name);

/** Brokers answer with numbers and lists in a form of their own. */
function isSameValue(one: string | null, other: string): boolean {
  return one !== null && normal(one) === normal(other);
}

function normal(value: string): string {
  const text = value.trim();
  if (/^[-+]?\d+$/.test(text)) return String(BigInt(text.replace("+", "")));
  if (/^\d+\.\d+(E-?\d+)?$/.test(text)) return String(Number(text));
  return text.split(",").map((each) => each.trim()).join();
}
