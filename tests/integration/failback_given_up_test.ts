/** A way back that is broken off, with the primary gone again, on real clusters. */
import assert from "node:assert/strict";
import { type DrState, StateStore } from "../../dr/state/mod.ts";
import { stateClusters, TIMINGS } from "../support/dr_state.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";

const input = "logins";
const DONE = "switchyard-done.primary.internal";
const { signal } = new AbortController();
const decoder = new TextDecoder();

realKafkaTest(
  "what rests on the way back is given up with the secondary alone",
  async () => {
    await using pair = await MirrorPair.start({ heapMb: 256 });
    try {
      await giveUp(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

async function giveUp(pair: MirrorPair): Promise<void> {
  const { source, target } = pair;
  const runs = new FailbackRuns(pair, {
    MIRROR_TOPICS: input,
    HTTP_PORT: "0",
  });
  await pair.create(input, 1);
  {
    await using mirror = pair.mirror([input]);
    await mirror.running();
    await source.client.produce(input, [{ key: null, value: "a" }]);
    await pair.caughtUp([input], [mirror]);
    await mirror.stop();
  }
  await runs.json("failover", "--force");
  {
    await using back = pair.mirror([input], {}, undefined, [
      "--from",
      "secondary",
    ]);
    const caughtUp = await runs.json("failback");
    assert.equal(caughtUp.state.phase, "catching-up");
    await back.stop();
  }
  const { era } = (await runs.json("failback", "--dry-run")).state;
  const calm = await runs.json("failback", "--cancel");
  assert.equal(calm.outcome, "nothing");

  // Somebody was in the middle of the switch, and all are gone.
  await source.cluster.brokers[0]!.kill();
  await stated(pair, { phase: "draining" });
  const back = await runs.json("failback", "--cancel", "--reason", "enough");
  assert.deepEqual(
    [back.state.active, back.state.phase, back.state.era, back.state.reason],
    ["secondary", "catching-up", era, "given up: enough"],
  );
  const wrong = await runs.run("failover", "--cancel");
  assert.equal(wrong.code, 1);
  assert.match(wrong.said, /failback --cancel/);
  for (
    const [phase, to] of [
      ["fencing", "catching-up"],
      ["releasing", "recovering"],
    ] as const
  ) {
    const before = await stated(pair, { phase });
    const { state } = await runs.json("failback", "--cancel");
    assert.deepEqual(
      [state.active, state.phase, state.era],
      ["secondary", to, before.era + 1],
    );
    // Pools of the new era learn what is done.
    const written = await target.client.readTopic(DONE, {
      isolation: "read_committed",
    });
    const keys = written.map(({ key }) => decoder.decode(key!));
    assert.ok(keys.includes(`done/${state.era}/0`), keys.join());
  }
}

async function stated(
  { source, target }: MirrorPair,
  change: Pick<DrState, "phase">,
): Promise<DrState> {
  await using stack = new AsyncDisposableStack();
  const clusters = stateClusters(stack, {
    primary: source.cluster.bootstrapServers,
    secondary: target.cluster.bootstrapServers,
  });
  const store = stack.use(new StateStore({ ...clusters, timings: TIMINGS }));
  const { state } = await store.change(
    (newest) => ({ ...newest!, ...change, reason: "test" }),
    { force: true, signal },
  );
  return state!;
}
