/** A primary that returns after a failover has the state as it was before. */
import assert from "node:assert/strict";
import { keepCopy } from "../../dr/sentinel/keep_copy.ts";
import { type DrState, STATE_TOPIC, StateStore } from "../../dr/state/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import {
  noting,
  stateClusters,
  statesUpTo,
  TIMINGS,
} from "../support/dr_state.ts";
import {
  deadlineMs,
  firstOnBoth,
  following,
  outputsOn,
  start,
  switchTo,
  topics,
  twoClusters,
} from "../support/following_world.ts";
import { freePorts } from "../support/free_port.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually, within } from "../support/wait.ts";

const { input, group, output } = topics;
const { signal } = new AbortController();

realKafkaTest(
  "a stale copy of the state on a returned primary misleads nobody",
  async (context) => {
    await using stack = new AsyncDisposableStack();
    const world = await twoClusters(stack);
    const { clients, clusters: { primary, secondary }, store } = world;
    await firstOnBoth(world);
    await primary.brokers[0]!.kill();
    const promoted = await switchTo(store, "secondary");
    await primary.brokers[0]!.restart();
    /** Fails while it cannot be read. */
    const copyIs = async (epoch: number) => {
      await eventually(async () => {
        const { primary } = await store.read(signal);
        if (primary.kind === "failed") throw primary.error;
        assert.equal(primary.newest?.epoch, epoch);
        return true;
      }, { what: `epoch ${epoch} on the primary`, timeoutMs: deadlineMs });
    };
    const step = async (name: string, work: () => Promise<void>) => {
      if (await context.step(name, work)) return;
      primary.keepLogs();
      secondary.keepLogs();
    };

    await step(
      "a pool that starts while the secondary is slow waits for it, and takes nothing from the primary",
      async () => {
        await copyIs(promoted.epoch - 1);
        secondary.brokers[0]!.pause();
        await using job = start(world, { GUARANTEE: "exactly-once" });
        await job.logged(
          "waits for the secondary to say which cluster is active",
          deadlineMs,
        );
        secondary.brokers[0]!.resume();
        await outputsOn(world, "secondary", 1_000);
        assert.equal((await following(job)).epoch, promoted.epoch);
        await job.stop();
        assert.deepEqual(await clients.primary.readTopic(output), []);
        const positions = await clients.primary.committedOffsets(group, input);
        assert.ok(positions.every((each) => each === undefined));
      },
    );

    await step("a sentinel writes it anew, and looks on", async () => {
      const stop = new AbortController();
      let known: DrState = promoted;
      const keeping = keepCopy(
        store,
        () => known,
        createLog({
          level: "error",
          write: () => {},
        }),
        stop.signal,
      );
      try {
        await copyIs(known.epoch);
        // A change by somebody who does not reach the primary.
        const cut = stateClusters(stack, {
          primary: `127.0.0.1:${freePorts(1)[0]}`,
          secondary: secondary.bootstrapServers,
        });
        await using elsewhere = new StateStore({
          ...cut,
          timings: { ...TIMINGS, copyMs: 500, forcedReadMs: 500 },
        });
        const change = await elsewhere.change(noting("elsewhere"), {
          force: true,
          signal,
        });
        known = change.state!;
        await copyIs(known.epoch);
      } finally {
        stop.abort();
        await within(keeping, deadlineMs, "ended");
      }
      const epochs = (await statesUpTo(
        primary.bootstrapServers,
        STATE_TOPIC,
        known.epoch,
      )).map(({ epoch }) => epoch);
      // Once each, however often it was looked at.
      assert.deepEqual(epochs, [1, promoted.epoch, known.epoch]);
    });
  },
);
