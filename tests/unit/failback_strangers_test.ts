import assert from "node:assert/strict";
import { restParts } from "../../dr/failback/rest.ts";
import type { StateCluster } from "../../dr/state/mod.ts";
import { KafkaError, type Library } from "../../src/kafka/mod.ts";

const { signal } = new AbortController();
const GROUP = "orders";
const slow = new KafkaError("describe group: no answer", {
  code: -185,
  codeName: "_TIMED_OUT",
});

interface Answer {
  readonly clientIds: readonly string[];
  readonly error: KafkaError | null;
}

/** What the group's coordinator says when it is asked again and again. */
function strangers(...answers: readonly Answer[]) {
  const left = [...answers];
  const groups = {
    list: () => Promise.resolve({ errors: [], groups: [{ groupId: GROUP }] }),
    describe: () => {
      const { clientIds, error } = left.shift()!;
      const members = clientIds.map((clientId) => ({ clientId }));
      return Promise.resolve([{ groupId: GROUP, error, members }]);
    },
  };
  const cluster = { admin: { groups } } as unknown as StateCluster;
  const parts = restParts({
    library: {} as Library,
    clusters: { primary: cluster, secondary: cluster },
    flow: { source: "primary", target: "secondary" },
    isMirrored: () => true,
    targetTopic: (topic) => topic,
    isGroupMirrored: () => true,
    setsGroupOffsets: true,
    drainMs: 0,
    onProgress: () => {},
  });
  return parts.strangers(signal);
}

Deno.test("members that do not leave by themselves are named, and ours are not among them", async () => {
  const clientIds = ["switchyard-logins", "theirs"];
  const [told, ...others] = await strangers({ clientIds, error: null });
  assert.match(told!, /^group orders has members on the primary .*\(theirs\)$/);
  assert.deepEqual(others, []);
});

Deno.test("a coordinator that does not answer at once is asked again before anything is refused", async () => {
  const answers = [
    { clientIds: [], error: slow },
    { clientIds: ["switchyard-logins"], error: null },
  ];
  assert.deepEqual(await strangers(...answers), []);
});
