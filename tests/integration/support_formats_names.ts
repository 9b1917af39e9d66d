/** Policies, filters and settings, for formats_java_test.ts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  checkpointTopic,
  configFilter,
  groupFilter,
  isCycle,
  judgeTopic,
  type PolicyOptions,
  replicationPolicy,
  topicFilter,
} from "../../dr/formats/mod.ts";
import {
  configChanges,
  FIXED_CONFIGS,
  wantedConfigs,
} from "../../dr/topics/configs.ts";
import type { ConfigEntry } from "../../src/kafka/mod.ts";
import { cases, type Comparison, equals } from "../support/mirror_decisions.ts";
import { MIRROR_DEFAULTS } from "../support/mirror_defaults.ts";

const plain = { noNullPrototype: true };
const word = fc.constantFrom(
  ...["", "a", "primary", "secondary", "logins", "mm2", "mm2-offsets", "__x"],
  ...["heartbeats", "my-heartbeats", "checkpoints", "internal", "replica"],
);
const separator = fc.constantFrom(".", "_", "-", "..", "--");
const ending = fc.constantFrom(
  ...["", "", "", ".checkpoints.internal", "_checkpoints_internal"],
  ...["-checkpoints-internal", ".internal", "_internal", ".heartbeats"],
);
const name = fc.tuple(
  fc.array(fc.tuple(word, separator), { minLength: 1, maxLength: 4 }),
  ending,
).map(([parts, ending]) => parts.flat().slice(0, -1).join("") + ending);
const names = fc.array(name, { minLength: 10, maxLength: 40 });

const policyOptions: fc.Arbitrary<PolicyOptions> = fc.record({
  kind: fc.constantFrom("default" as const, "identity" as const),
  separator,
  isInternalSeparated: fc.boolean(),
  sourceAlias: fc.constantFrom("primary", "secondary"),
}, { requiredKeys: ["kind"], noNullPrototype: true });

function settingsOf(options: PolicyOptions): Record<string, string> {
  const settings = {
    "replication.policy.separator": options.separator,
    "replication.policy.internal.topic.separator.enabled": options
      .isInternalSeparated?.toString(),
    "source.cluster.alias": options.sourceAlias,
  };
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value]]
    ),
  );
}

export function policies(): Comparison[] {
  return cases(fc.tuple(policyOptions, word, names), 60).map(
    ([options, alias, names]): Comparison => {
      const policy = replicationPolicy(options);
      return {
        question: {
          kind: "policy",
          policy: options.kind,
          settings: settingsOf(options),
          alias,
          names,
        },
        check: equals(names.map((name) => ({
          targetTopic: policy.targetTopic(alias, name),
          topicSource: policy.topicSource(name),
          upstreamTopic: policy.upstreamTopic(name),
          originalTopic: policy.originalTopic(name),
          offsetSyncsTopic: policy.offsetSyncsTopic(name),
          checkpointsTopic: policy.checkpointsTopic(name),
          heartbeatsTopic: policy.heartbeatsTopic,
          isHeartbeatsTopic: policy.isHeartbeatsTopic(name),
          isCheckpointsTopic: policy.isCheckpointsTopic(name),
          isInternalTopic: policy.isInternalTopic(name),
        }))),
      };
    },
  );
}

/** Lists of which some are MirrorMaker 2's defaults, by their absence. */
const lists = fc.record({
  topics: fc.constantFrom(".*", "", "logins, primary.*", "[a-m].*\\d?"),
  topicsExcluded: fc.constantFrom(
    ...["", "a, .*[.]internal", "(?i)LOGINS|__.*"],
    // As docs/mirroring.md advises.
    String.raw`mm2.*\.internal, .*\.replica, __.*, switchyard-.*\.internal`,
  ),
}, { requiredKeys: [], noNullPrototype: true });
const flow = { source: "primary", target: "secondary" };

/** Where a list is absent, with our default, which is to be MirrorMaker 2's. */
const wantedBy = (
  { topics, topicsExcluded }: { topics?: string; topicsExcluded?: string },
) =>
  topicFilter(
    topics ?? MIRROR_DEFAULTS.topics,
    topicsExcluded ?? MIRROR_DEFAULTS.excludeTopics,
  );

export function topics(): Comparison[] {
  const selections = fc.tuple(policyOptions, lists, fc.boolean(), names);
  return cases(selections, 60).map(
    ([given, lists, areHeartbeatsMirrored, names]): Comparison => {
      // MirrorMaker 2 gives its policy the alias that it mirrors from.
      const options = { ...given, sourceAlias: flow.source };
      const policy = replicationPolicy(options);
      const isWanted = wantedBy(lists);
      const selection = { ...flow, policy, isWanted, areHeartbeatsMirrored };
      // What we keep back besides is no question for MirrorMaker 2.
      const asked = names.filter((name) =>
        !/^(mm2|switchyard)-.*\.internal$/.test(name)
      );
      return {
        question: {
          kind: "topics",
          policy: options.kind,
          settings: { ...settingsOf(options), ...settingsOfLists(lists) },
          ...flow,
          areHeartbeatsMirrored,
          names: asked,
        },
        check: equals(asked.map((name) => ({
          isMirrored: judgeTopic(selection, name) === "mirrored",
          isCycle: isCycle(policy, flow.target, name),
          checkpointTopic: checkpointTopic(policy, flow, name),
        }))),
      };
    },
  );
}

function settingsOfLists(
  { topics, topicsExcluded }: { topics?: string; topicsExcluded?: string },
): Record<string, string> {
  return {
    ...(topics === undefined ? {} : { topics }),
    ...(topicsExcluded === undefined
      ? {}
      : { "topics.exclude": topicsExcluded }),
  };
}

export function wantedTopics(): Comparison[] {
  const topic = fc.oneof(
    fc.constantFrom(
      ...["mm2.internal", "mm2-x.internal", "mm2internal", "mm1.internal"],
      ...["a.replica", "replica", "areplica", "__a", "_a", "a__", "logins"],
      ...["switchyard-lanes.primary.internal", "switchyard"],
    ),
    name,
  );
  const names = fc.array(topic, { minLength: 30, maxLength: 40 });
  return cases(fc.tuple(lists, names), 20).map(([lists, names]) => ({
    question: { kind: "topic filter", settings: settingsOfLists(lists), names },
    check: equals(names.map(wantedBy(lists))),
  }));
}

export function groups(): Comparison[] {
  const group = fc.constantFrom(
    ...["console-consumer-1", "console-consumer", "connect-a", "connect"],
    ...["__g", "_g", "switchyard", "", "a b", "x.y"],
  );
  const list = fc.constantFrom("", "switch.*, x[.]y", ".*-.*", "\\w*");
  const filters = fc.tuple(
    fc.record({ groups: list, groupsExcluded: list }, {
      requiredKeys: [],
      noNullPrototype: true,
    }),
    fc.array(group, { minLength: 5, maxLength: 10 }),
  );
  return cases(filters, 20).map(
    ([{ groups, groupsExcluded }, names]): Comparison => ({
      question: {
        kind: "group filter",
        settings: {
          ...(groups === undefined ? {} : { groups }),
          ...(groupsExcluded === undefined
            ? {}
            : { "groups.exclude": groupsExcluded }),
        },
        names,
      },
      check: equals(names.map(groupFilter(
        groups ?? MIRROR_DEFAULTS.groups,
        groupsExcluded ?? MIRROR_DEFAULTS.excludeGroups,
      ))),
    }),
  );
}

const JAVA_SOURCES = {
  topic: "DYNAMIC_TOPIC_CONFIG",
  default: "DEFAULT_CONFIG",
} as const;

/**
 * Settings of the source's topic itself and defaults of Kafka. In those of
 * brokers we differ: MirrorMaker 2 copies what is set for all of them.
 */
export function configs(): Comparison[] {
  const names = [
    ...["follower.replication.throttled.replicas", "retention.ms"],
    ...["leader.replication.throttled.replicas", "message.timestamp.type"],
    ...["message.timestamp.difference.max.ms", "min.insync.replicas"],
    ...["log.message.timestamp.before.max.ms", "segment.bytes"],
    ...["message.timestamp.before.max.ms", "unclean.leader.election.enable"],
    ...["log.message.timestamp.after.max.ms", "cleanup.policy"],
  ];
  const seldom = fc.constantFrom(false, false, false, false, true);
  const entry = fc.record({
    name: fc.constantFrom(...names),
    value: fc.string({ maxLength: 20 }),
    source: fc.constantFrom("topic" as const, "default" as const),
    isReadOnly: seldom,
    isSensitive: seldom,
  }, plain);
  const excluded = fc.option(
    fc.constantFrom("", "retention.*, segment[.]bytes"),
    { nil: undefined },
  );
  const entries = fc.uniqueArray(entry, {
    selector: ({ name }) => name,
    minLength: 6,
  });
  return cases(fc.tuple(excluded, entries), 60).map(
    ([excluded, entries]): Comparison => {
      const rules = {
        isConfigCopied: configFilter(excluded),
        configOverrides: [],
      };
      const wanted = wantedConfigs("logins", entries, Infinity, rules);
      return {
        question: {
          kind: "configs",
          settings: excluded === undefined
            ? {}
            : { "config.properties.exclude": excluded },
          entries: entries.map((each) => ({
            ...each,
            source: JAVA_SOURCES[each.source],
          })),
        },
        check: (answer) => {
          const { changes, created } = answer as {
            changes: [operation: string, name: string][];
            created: Record<string, string>;
          };
          assert.deepEqual(
            comparable(Object.entries(created)),
            comparable(wanted),
          );
          // No setting of a topic is one of these; Java passes them over.
          const protectedOnes = entries.filter(({ isReadOnly, isSensitive }) =>
            isReadOnly || isSensitive
          ).map(({ name }) => name);
          const ours = configChanges(
            entries,
            otherwise(entries),
            wanted,
            rules,
          );
          // Java keeps entries in a map, without their order.
          assert.deepEqual(
            comparable(changes.map(([what, name]) => [name, what])),
            comparable(
              ours.map(({ operation, name }) => [name, operation]),
              protectedOnes,
            ),
          );
        },
      };
    },
  );
}

/** A target on which nothing is as on the source, so that all has to change. */
const otherwise = (entries: readonly ConfigEntry[]): ConfigEntry[] =>
  entries.map((each) => ({
    ...each,
    value: `not ${each.value}`,
    source: "topic",
  }));

/** Without what we set in any case, and without `others`. */
function comparable(
  byName: Iterable<readonly [name: string, answer: string]>,
  others: readonly string[] = [],
): Record<string, string> {
  const left = new Set([...Object.keys(FIXED_CONFIGS), ...others]);
  return Object.fromEntries([...byName].filter(([name]) => !left.has(name)));
}
