import assert from "node:assert/strict";
import { isMirrorState } from "../../dr/formats/mod.ts";

const formats = new URL("../../dr/formats/mod.ts", import.meta.url).href;
const names = new URL("../../dr/mirror/names.ts", import.meta.url).href;
const session = new URL("../../dr/state/session.ts", import.meta.url).href;
const cuts = new URL("../../dr/cut/mod.ts", import.meta.url).href;

/** All names that a process with this environment uses on clusters. */
async function namesIn(env: Record<string, string>): Promise<string[]> {
  const source = `
    const formats = await import("${formats}");
    const names = await import("${names}");
    const { STATE_TRANSACTIONAL_ID } = await import("${session}");
    const { cutsTopic } = await import("${cuts}");
    const policy = formats.replicationPolicy({ kind: "identity" });
    const flow = { source: "primary", target: "secondary" };
    console.log(JSON.stringify([
      formats.STATE_TOPIC, formats.HISTORY_TOPIC, formats.VOTES_TOPIC,
      formats.PROBE_TOPIC, formats.lanesTopic("primary"),
      formats.doneTopic("primary"), formats.reachedTopic("primary"), formats.replayTopic("primary"),
      formats.connectOffsetsTopic("primary"), cutsTopic("primary"),
      policy.heartbeatsTopic, policy.offsetSyncsTopic("secondary"),
      policy.checkpointsTopic("primary"), STATE_TRANSACTIONAL_ID,
      names.laneGroup(flow), names.transactionalId(flow, 0),
      names.groupsTransactionalId(flow),
    ]));`;
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", source],
    env,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("nothing of a drill has a name that others use", async () => {
  const usual = await namesIn({ SWITCHYARD_NAMESPACE: "" });
  const drill = await namesIn({ SWITCHYARD_NAMESPACE: "switchyard-drill-1" });
  assert.equal(new Set([...usual, ...drill]).size, 2 * new Set(usual).size);
  for (const name of drill) assert.match(name, /switchyard-drill-1/);
  for (const name of usual) assert.doesNotMatch(name, /drill/);
});

Deno.test("topics of drills are left alone by mirrors of others", () => {
  assert.ok(isMirrorState("switchyard-drill-1-input"));
  assert.ok(isMirrorState("primary.switchyard-drill-1-heartbeats"));
  assert.ok(!isMirrorState("orders"));
});
