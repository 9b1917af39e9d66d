/** The settings of the mirror; a part of the table. */
import { z } from "zod";
import { optionalSetting, setting } from "./field.ts";
import {
  choice,
  choiceByTopic,
  flag,
  patternList,
  topicConfigs,
  wholeNumber,
} from "./kinds.ts";

const likeMirrorMaker = "MirrorMaker 2's default";

export const mirror = {
  mirror: z.strictObject({
    topics: setting(patternList, {
      env: "MIRROR_TOPICS",
      default: ".*",
      why: likeMirrorMaker,
      description: "Topics that are mirrored: regular expressions, " +
        "comma-separated, each for a whole name.",
    }),
    excludeTopics: setting(patternList, {
      env: "MIRROR_EXCLUDE_TOPICS",
      default: String.raw`mm2.*\.internal,.*\.replica,__.*`,
      why: likeMirrorMaker,
      description: "Topics that are not, though `topics` names them.",
    }),
    policy: setting(choice(["identity", "default"]), {
      env: "MIRROR_POLICY",
      default: "identity",
      description:
        "Names on the other cluster. `identity`: the same, so that " +
        "clients need no change. `default`: with the cluster's name in front, " +
        "`primary.user-login`; topics that came from a cluster are then not " +
        "mirrored back to it.",
    }),
    lanes: setting(wholeNumber(1, 256), {
      env: "MIRROR_LANES",
      default: 4,
      why: "each is a thread of one of the mirrors",
      description: "Into how many parts the work is cut that mirrors share. " +
        "Counts when the first mirror of two clusters starts; from then on " +
        "there are as many as the lane topic has partitions.",
    }),
    replicationFactor: setting(wholeNumber(1, 32), {
      env: "MIRROR_REPLICATION_FACTOR",
      default: 3,
      why: "Kafka's usual one; a cluster with fewer brokers has fewer replicas",
      description: "Of topics that the mirror creates.",
    }),
    topicConfigs: setting(topicConfigs, {
      env: "MIRROR_TOPIC_CONFIGS",
      default: { text: "none", of: () => [] },
      description: "Settings of topics on the other cluster, whatever they " +
        "are on this one, and `replication.factor`; see " +
        "[Rules by topic](#rules-by-topic).",
    }),
    transactionMs: setting(wholeNumber(10, 10_000), {
      env: "MIRROR_TRANSACTION_MS",
      unit: "ms",
      default: 50,
      why: "it adds to the delay of records, and each costs some requests",
      description: "How long records are collected for a transaction; where " +
        "commits take long, as long as the last one, or five times as long " +
        "while a lane has more to copy than it can.",
    }),
    transactionRecords: setting(wholeNumber(1, 1_000_000), {
      env: "MIRROR_TRANSACTION_RECORDS",
      unit: "records",
      default: 200_000,
      why: "a transaction that fails is copied again",
      description: "The same by number; whatever is reached first.",
    }),
    fetchQueueKbytes: setting(wholeNumber(1024, 524_288), {
      env: "MIRROR_FETCH_QUEUE_KBYTES",
      unit: "KiB a lane",
      default: 65_536,
      why: "with less, a source that is 100 ms away is read at half the rate " +
        "(bench/README.md); a fetch answer has up to as much",
      description: "Records that have been fetched and wait for their lane: " +
        "one round trip moves no more than this.",
    }),
    refreshMs: setting(wholeNumber(100, 3_600_000), {
      env: "MIRROR_REFRESH_MS",
      unit: "ms",
      default: 30_000,
      why: "each asks both clusters for all topics",
      description: "Between two looks for new topics, new partitions and " +
        "changed settings of topics, and between two examinations of what is " +
        "mirrored.",
    }),
    onDamage: setting(choiceByTopic(["stop", "restart"]), {
      env: "MIRROR_ON_DAMAGE",
      default: {
        text: "`stop`",
        of: () => [{ topics: ".*", policy: "stop" as const }],
      },
      description:
        "What happens to a partition whose log is not what it was: " +
        "the topic was created anew, the log was cut, or records went before " +
        "they were mirrored. `stop`: nothing more of it is mirrored. " +
        "`restart`: it goes on with what is there. Either way it is logged as " +
        "an error and stands in `/status`. By topic: `orders:stop;.*:restart`; " +
        "what no rule names stops (see [Rules by topic](#rules-by-topic)).",
    }),
    rateKbytes: optionalSetting(wholeNumber(1, 100_000_000), {
      env: "MIRROR_RATE_KBYTES",
      unit: "KiB/s",
      why: "for a network that is shared",
      unset: "no limit",
      description: "Keys and values copied a second by this process.",
    }),
    groupSync: setting(flag, {
      env: "MIRROR_GROUP_SYNC",
      default: true,
      description: "Write positions of consumer groups to the other cluster " +
        "too, where the group is not at work there.",
    }),
    groups: setting(patternList, {
      env: "MIRROR_GROUPS",
      default: ".*",
      why: likeMirrorMaker,
      description: "Consumer groups whose positions are mirrored.",
    }),
    excludeGroups: setting(patternList, {
      env: "MIRROR_EXCLUDE_GROUPS",
      default: "console-consumer-.*,connect-.*,__.*",
      why: likeMirrorMaker,
      description: "Groups that are not, though `groups` names them.",
    }),
    cutIntervalMs: setting(wholeNumber(100, 3_600_000), {
      env: "MIRROR_CUT_INTERVAL_MS",
      unit: "ms",
      default: 500,
      why: "each asks for the positions of all groups",
      description: "Between two looks at the positions of groups, from which " +
        "they go on after a failover. Looks that take long are further apart, " +
        "ten times what one takes and up to 5 s.",
    }),
  }),
};
