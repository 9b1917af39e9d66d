/** The settings of the sentinel and its gateway; parts of the table. */
import { z } from "zod";
import { optionalSetting, setting } from "./field.ts";
import { gatewayAddresses } from "./gateway_addresses.ts";
import { choice, topicList, wholeNumber } from "./kinds.ts";

const DAY_MS = 86_400_000;

export const sentinel = {
  sentinel: z.strictObject({
    mode: setting(choice(["automatic", "advise"]), {
      env: "SENTINEL_MODE",
      default: "automatic",
      description: "`automatic`: what the sentinels decide is carried out. " +
        "`advise`: failing over is only told, and left to people.",
    }),
    count: setting(wholeNumber(1, 99), {
      env: "SENTINELS",
      unit: "sentinels",
      default: 1,
      why: "more add nothing but load",
      description:
        "How many sentinels there are. More than half of them must " +
        "see an outage; with one or two, a bad link of one of them is no " +
        "different from an outage.",
    }),
    voteFreshMs: setting(wholeNumber(2000, 60_000), {
      env: "SENTINEL_VOTE_FRESH_MS",
      unit: "ms",
      default: 5000,
      why: "sentinels vote every second, and one vote may be late",
      description: "For so long a vote counts.",
    }),
    rpoMs: setting(wholeNumber(0, DAY_MS), {
      env: "SENTINEL_RPO_MS",
      unit: "ms",
      default: 60_000,
      why: "more than a day behind is no standby",
      description: "How far the standby may be behind, in the worst of all " +
        "partitions, for a failover by itself: what is not mirrored is " +
        "lost until the other cluster returns.",
    }),
    holdOffMs: setting(wholeNumber(0, DAY_MS), {
      env: "SENTINEL_HOLD_OFF_MS",
      unit: "ms",
      default: 300_000,
      why: "after a day nobody remembers the last switch",
      description:
        "For so long after a switch there is no other one by itself.",
    }),
    topics: setting(topicList, {
      env: "SENTINEL_TOPICS",
      default: {
        text: "the input and the output topic",
        of: ({ valueOf }) =>
          `${valueOf("inputTopic")},${valueOf("outputTopic")}`,
      },
      description: "Topics whose leaders and in-sync replicas are watched on " +
        "both clusters. One that does not exist is told and no outage.",
    }),
    stateReplicationFactor: setting(wholeNumber(1, 32), {
      env: "STATE_REPLICATION_FACTOR",
      default: 3,
      why: "Kafka's usual one; a cluster with fewer brokers has fewer replicas",
      description: "Of the topics of the state, where they are created.",
    }),
  }),
};

export const gateway = {
  gatewayListen: setting(gatewayAddresses, {
    env: "GATEWAY_LISTEN",
    default: "127.0.0.1:19092",
    why: "clients are configured with it, so it cannot be any free port",
    description: "Where the gateway listens: the `bootstrap.servers` of " +
      "clients that are to follow a failover. Several are separated by " +
      "semicolons. One that is to lead to another listener of the brokers " +
      "names it: `0.0.0.0:19093=p1:9093,p2:9093/s1:9093`, those of the primary " +
      "first.",
  }),
  gateway: z.strictObject({
    connections: setting(wholeNumber(1, 100_000), {
      env: "GATEWAY_CONNECTIONS",
      unit: "connections",
      default: 2000,
      why: "each takes two sockets and 32 KiB",
      description: "Most connections of clients at one time.",
    }),
    connectionsPerAddress: optionalSetting(wholeNumber(1, 100_000), {
      env: "GATEWAY_CONNECTIONS_PER_ADDRESS",
      unit: "connections",
      unset: "no limit but that of all together",
      why: "one kind of clients should not take the place of all others",
      description: "Of these, to one address of `GATEWAY_LISTEN`.",
    }),
    connectionsPerClient: optionalSetting(wholeNumber(1, 100_000), {
      env: "GATEWAY_CONNECTIONS_PER_CLIENT",
      unit: "connections",
      unset: "no limit",
      why: "many clients may share an address",
      description: "Of these, from one host.",
    }),
    idleMs: setting(wholeNumber(1000, DAY_MS), {
      env: "GATEWAY_IDLE_MS",
      unit: "ms",
      default: 600_000,
      why: "clients close theirs after nine minutes, brokers after ten",
      description: "Connections without a byte for so long are closed.",
    }),
    waitMs: setting(wholeNumber(0, 9000), {
      env: "GATEWAY_WAIT_MS",
      unit: "ms",
      default: 5000,
      why: "librdkafka gives a connection up that is not answered in 10 s",
      description: "For so long a client waits, at the most, while a switch " +
        "is under way and while no broker can be connected to. It is led on " +
        "at once when there is one.",
    }),
    switchGraceMs: setting(wholeNumber(0, 3_600_000), {
      env: "GATEWAY_SWITCH_GRACE_MS",
      unit: "ms",
      default: 0,
      why: "what stays open stays on the former cluster",
      description: "For so long connections to the former cluster are left " +
        "open after another one has become active.",
    }),
  }),
};
