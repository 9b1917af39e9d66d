import assert from "node:assert/strict";
import {
  checkpointTopic,
  connectOffsetsTopic,
  HISTORY_TOPIC,
  judgeTopic,
  lanesTopic,
  PROBE_TOPIC,
  replicationPolicy,
  STATE_TOPIC,
  type TopicVerdict,
  VOTES_TOPIC,
} from "../../dr/formats/mod.ts";

const byDefault = replicationPolicy({ kind: "default" });
const identity = replicationPolicy({
  kind: "identity",
  sourceAlias: "primary",
});
const flow = { source: "primary", target: "secondary" };
const all = () => true;
const none = () => false;

Deno.test("the default policy puts the source's alias before the name, and finds it there", () => {
  assert.equal(byDefault.targetTopic("primary", "logins"), "primary.logins");
  assert.equal(byDefault.topicSource("primary.logins"), "primary");
  assert.equal(byDefault.upstreamTopic("primary.logins"), "logins");
  assert.equal(byDefault.originalTopic("a.b.logins"), "logins");
  assert.equal(byDefault.sourceTopic("primary", "primary.logins"), "logins");
  assert.equal(byDefault.sourceTopic("primary", "other.logins"), null);
  assert.equal(byDefault.topicSource("logins"), null);
  assert.equal(byDefault.upstreamTopic("logins"), null);
});

Deno.test("the identity policy leaves names as they are, but for heartbeats", () => {
  assert.equal(identity.targetTopic("primary", "logins"), "logins");
  assert.equal(identity.sourceTopic("primary", "logins"), "logins");
  assert.equal(identity.topicSource("logins"), "primary");
  assert.equal(identity.upstreamTopic("a.b"), "a.b");
  assert.equal(
    identity.targetTopic("primary", "heartbeats"),
    "primary.heartbeats",
  );
  assert.equal(identity.topicSource("primary.heartbeats"), "primary");
  assert.equal(
    identity.sourceTopic("primary", "primary.heartbeats"),
    "heartbeats",
  );
  assert.equal(identity.sourceTopic("primary", "heartbeats"), null);
  assert.equal(
    replicationPolicy({ kind: "identity" }).topicSource("logins"),
    null,
  );
});

Deno.test("a source must have something behind it, as Java's split sees it", () => {
  for (const name of ["", "a", "a.", "a..", ".", ".."]) {
    assert.equal(byDefault.topicSource(name), null, name);
  }
  assert.equal(byDefault.topicSource(".a"), "");
  assert.equal(byDefault.upstreamTopic(".a"), "a");
  assert.equal(byDefault.originalTopic(".b.a"), "a");
  assert.equal(byDefault.topicSource("a..b"), "a");
});

Deno.test("internal topics follow the separator unless that is switched off", () => {
  const separated = replicationPolicy({ kind: "default", separator: "_" });
  assert.equal(separated.targetTopic("a", "b.c"), "a_b.c");
  assert.equal(separated.offsetSyncsTopic("a"), "mm2-offset-syncs_a_internal");
  assert.equal(separated.checkpointsTopic("a"), "a_checkpoints_internal");
  assert.ok(separated.isCheckpointsTopic("a_checkpoints_internal"));
  const off = replicationPolicy({
    kind: "identity",
    separator: "_",
    isInternalSeparated: false,
  });
  assert.equal(off.offsetSyncsTopic("a"), "mm2-offset-syncs.a.internal");
  assert.equal(off.targetTopic("a", "heartbeats"), "a_heartbeats");
  assert.throws(
    () => replicationPolicy({ kind: "default", separator: "" }),
    RangeError,
  );
});

Deno.test("heartbeats are known by their original name", () => {
  for (const policy of [byDefault, identity]) {
    assert.ok(policy.isHeartbeatsTopic("heartbeats"));
    assert.ok(policy.isHeartbeatsTopic("b.a.heartbeats"));
    assert.ok(!policy.isHeartbeatsTopic("my-heartbeats"));
  }
});

const VERDICTS: readonly [string, TopicVerdict, TopicVerdict][] = [
  // topic, by the default policy, by the identity policy
  ["logins", "mirrored", "mirrored"],
  ["orders.internal", "mirrored", "mirrored"],
  ["primary.logins", "mirrored", "mirrored"],
  ["secondary.logins", "cycle", "mirrored"],
  ["third.secondary.logins", "cycle", "mirrored"],
  ["heartbeats", "mirrored", "mirrored"],
  ["secondary.heartbeats", "cycle", "cycle"],
  ["third.secondary.heartbeats", "cycle", "cycle"],
  ["__consumer_offsets", "internal", "internal"],
  ["mm2-offset-syncs.secondary.internal", "internal", "internal"],
  ["secondary.checkpoints.internal", "internal", "internal"],
  [connectOffsetsTopic("secondary"), "internal", "internal"],
  ["mm2-configs.secondary.internal", "internal", "internal"],
  [lanesTopic("secondary"), "internal", "internal"],
  [STATE_TOPIC, "internal", "internal"],
  [HISTORY_TOPIC, "internal", "internal"],
  [VOTES_TOPIC, "internal", "internal"],
  [PROBE_TOPIC, "internal", "internal"],
];
for (const [topic, byDefaultPolicy, byIdentity] of VERDICTS) {
  Deno.test(`${topic} on the primary: ${byDefaultPolicy}, and by identity ${byIdentity}`, () => {
    const judge = (policy: typeof identity) =>
      judgeTopic({ ...flow, policy, isWanted: all }, topic);
    assert.equal(judge(byDefault), byDefaultPolicy);
    assert.equal(judge(identity), byIdentity);
  });
}

Deno.test("the state of mirrors stays where it is under any separator", () => {
  const policy = replicationPolicy({ kind: "default", separator: "_" });
  const judge = (topic: string) =>
    judgeTopic({ ...flow, policy, isWanted: all }, topic);
  assert.equal(judge("mm2-offsets.secondary.internal"), "internal");
  assert.equal(judge("mm2-offset-syncs_secondary_internal"), "internal");
  assert.equal(judge("switchyard-lanes.secondary.internal"), "internal");
});

Deno.test("heartbeats need no filter that names them, unless that is switched off", () => {
  const judge = (areHeartbeatsMirrored?: boolean) =>
    judgeTopic({
      ...flow,
      policy: identity,
      isWanted: none,
      ...(areHeartbeatsMirrored === undefined ? {} : { areHeartbeatsMirrored }),
    }, "heartbeats");
  assert.equal(judge(), "mirrored");
  assert.equal(judge(true), "mirrored");
  assert.equal(judge(false), "excluded");
});

Deno.test("a checkpoint names the mirrored topic, or the original where that is the target's own", () => {
  const names = (topic: string) =>
    [byDefault, identity].map((policy) => checkpointTopic(policy, flow, topic));
  assert.deepEqual(names("logins"), ["primary.logins", "logins"]);
  assert.deepEqual(names("secondary.logins"), ["logins", "secondary.logins"]);
});
