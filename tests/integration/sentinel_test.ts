/** Sentinels on two real clusters, one of which is killed. */
import assert from "node:assert/strict";
import { encodeHeartbeat, reachedTopic } from "../../dr/formats/mod.ts";
import {
  type FailOver,
  Sentinel,
  SENTINEL_DEFAULTS,
} from "../../dr/sentinel/mod.ts";
import {
  type ClusterName,
  type DrState,
  type Proposal,
  StateStore,
} from "../../dr/state/mod.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { stateClusters } from "../support/dr_state.ts";
import { library, produce } from "../support/embedded.ts";
import { freePorts } from "../support/free_port.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import {
  printedStatus,
  refusedSentinel,
  SentinelRun,
} from "../support/sentinel_run.ts";
import { eventually } from "../support/wait.ts";

const HOUR_MS = 3_600_000;

/** What a failover does to the state, and nothing else of it. */
async function flip(
  store: StateStore,
  { epoch, reason, to }: Parameters<FailOver>[0],
  signal: AbortSignal,
): Promise<void> {
  const changed = async (
    from: number,
    change: (known: DrState) => Partial<Proposal>,
  ) => {
    const { kind, state } = await store.change(
      (known) =>
        known?.epoch === from ? { ...known, reason, ...change(known) } : null,
      { force: true, signal },
    );
    return kind === "changed" ? state.epoch : null;
  };
  const fenced = await changed(epoch, () => ({ phase: "fencing" }));
  if (fenced === null) return;
  await changed(
    fenced,
    ({ era }) => ({ active: to, phase: "steady", era: era + 1 }),
  );
}

realKafkaTest("sentinels", async (context) => {
  await using stack = new AsyncDisposableStack();
  const [primary, secondary] = await Promise.all(
    [1, 101].map(async (nodeIdBase) =>
      stack.use(await KafkaCluster.start({ heapMb: 256, nodeIdBase }))
    ),
  ) as [KafkaCluster, KafkaCluster];
  await primary.createTopic("user-login", 1);
  await secondary.createTopic(reachedTopic("primary"), 1);
  // As a mirror would have left it.
  await produce(secondary.bootstrapServers, [{
    topic: reachedTopic("primary"),
    ...encodeHeartbeat({
      source: "primary",
      target: "secondary",
      timestampMs: Date.now(),
    }),
  }]);
  const [portA, portB, portC] = freePorts(3);
  const clusters = {
    PRIMARY_BROKERS: primary.bootstrapServers,
    SECONDARY_BROKERS: secondary.bootstrapServers,
  };
  const [listenA, listenB, listenC] = [portA, portB, portC]
    .map((port) => `127.0.0.1:${port}`) as [string, string, string];
  const sentinel = (name: string, listen: string) =>
    stack.use(SentinelRun.start({
      ...clusters,
      SENTINELS: "2",
      SENTINEL_MODE: "advise",
      SENTINEL_RPO_MS: `${HOUR_MS}`,
      INSTANCE_ID: name,
      GATEWAY_LISTEN: listen,
    }));
  const step = async (name: string, work: () => Promise<void>) => {
    if (await context.step(name, work)) return;
    primary.keepLogs();
    secondary.keepLogs();
  };

  await step(
    "status of clusters without a sentinel says that there is none",
    async () => {
      const { code, report } = await printedStatus(clusters);
      assert.equal(code, 1);
      assert.equal(report.state, null);
      assert.ok("error" in report.copies.secondary);
    },
  );

  const one = sentinel("one", listenA);
  const two = sentinel("two", listenB);
  const both = [one, two];
  const each = (work: (run: SentinelRun) => Promise<void>) =>
    Promise.all(both.map(work));

  await step(
    "two that start at once write one first state and vote",
    async () => {
      await each((run) =>
        run.until(
          "healthy, with both votes",
          ({ health, votes }) =>
            health?.primary.health === "healthy" &&
            health.secondary.health === "healthy" && votes.length === 2,
        )
      );
      const { code, report } = await printedStatus(clusters);
      assert.equal(code, 0);
      const { copies, history, state, votes } = report;
      assert.ok(!("error" in history) && !("error" in votes));
      assert.deepEqual(history, [state]);
      assert.deepEqual(copies, { primary: { state }, secondary: { state } });
      const { active, epoch, era, phase } = state!;
      assert.deepEqual({ active, epoch, era, phase }, {
        active: "primary",
        epoch: 1,
        era: 0,
        phase: "steady",
      });
      const voters = votes.map(({ voter }) => voter).sort();
      assert.deepEqual(voters, ["one", "two"]);
      assert.ok(votes.every(({ ageMs }) => ageMs < 60_000));
      for (const run of both) {
        assert.equal((await run.get("/livez")).status, 200);
        assert.equal((await run.get("/readyz")).status, 200);
        assert.deepEqual((await run.status()).decision, { kind: "stay" });
      }
      const metrics = await (await one.get("/metrics")).text();
      assert.match(metrics, /^switchyard_sentinel_advises 0$/m);
    },
  );

  const brokersBehind = async (listen: string) => {
    await using admin = new Admin(library, { "bootstrap.servers": listen });
    const { brokers } = await admin.describeCluster({ timeoutMs: 30_000 });
    return brokers.map(({ id }) => id);
  };

  await step("the gateway leads a client to the primary", async () => {
    assert.deepEqual(await brokersBehind(listenA), [1]);
  });

  await step(
    "a primary that is killed is to be left, and stays active",
    async () => {
      await primary.brokers[0]!.kill();
      await each((run) =>
        run.until(
          "advising",
          ({ decision }) =>
            decision?.kind === "advise" && decision.to === "secondary",
        )
      );
      const advice = /^advises failing over to the secondary$/;
      for (const run of both) {
        assert.equal((await run.status()).state?.active, "primary");
        const [line] = run.log(advice);
        assert.match(String(line?.reason), /down for 2 of 2 sentinels/);
      }
      const { code, report } = await printedStatus(clusters);
      assert.equal(code, 0);
      const { copies, history, state, votes } = report;
      assert.ok("error" in copies.primary && !("error" in votes));
      assert.deepEqual(copies.secondary, { state });
      assert.deepEqual(history, [state]);
      assert.equal(state?.active, "primary");
      assert.ok(votes.every(({ health }) => health.primary === "down"));
      // Said once, however many rounds there were; again only where a vote was
      // too old in between.
      for (const run of both) {
        const told = run.log(/failing over/).map(({ message }) => message);
        assert.ok(
          told.every((each, at) => each !== told[at - 1]),
          told.join("\n"),
        );
      }
    },
  );

  await step("one that is stopped takes its vote with it", async () => {
    await one.stop();
    await two.until(
      "alone, and without a majority",
      ({ decision, votes }) =>
        votes.length === 1 && votes[0]!.voter === "two" &&
        decision?.kind === "refuse" && decision.because === "no-majority",
    );
  });

  await step(
    "what is decided with one that is automatic is carried out, and the gateways follow",
    async () => {
      await using owned = new AsyncDisposableStack();
      const servers = {
        primary: primary.bootstrapServers,
        secondary: secondary.bootstrapServers,
      };
      const store = owned.use(new StateStore(stateClusters(owned, servers)));
      const cluster = (brokers: string) => {
        const properties = { "bootstrap.servers": brokers };
        return {
          admin: properties,
          producer: properties,
          consumer: properties,
          brokers: [brokers],
        };
      };
      const expected: (ClusterName | null)[] = [];
      const three = owned.use(
        new Sentinel({
          library,
          clusters: {
            primary: cluster(servers.primary),
            secondary: cluster(servers.secondary),
          },
          voter: "three",
          policy: { ...SENTINEL_DEFAULTS, sentinels: 2, rpoMs: HOUR_MS },
          failOver: (decision, signal) => {
            assert.equal(expected.at(-1), "secondary");
            return flip(store, decision, signal);
          },
          expect: (to) => expected.push(to),
          watchedTopics: [],
          replicationFactor: 1,
          addresses: [{
            listen: listenC,
            primary: [servers.primary],
            secondary: [servers.secondary],
          }],
          limits: {},
          log: createLog({ level: "error", write: () => {} }),
        }),
      );
      await three.start(new AbortController().signal);
      await two.until(
        "leading to the secondary",
        ({ gateway, state }) =>
          gateway?.active === "secondary" && state?.active === "secondary" &&
          state.era === 1,
      );
      assert.deepEqual(await brokersBehind(listenB), [101]);
      assert.deepEqual(await brokersBehind(listenC), [101]);
      await eventually(
        () => three.status().switching === null,
        { what: "over" },
      );
      await eventually(() => expected.at(-1) === null, { what: "told" });
      await three.drain();
      await two.stop();
      const { report } = await printedStatus(clusters);
      assert.deepEqual(report.votes, []);
      assert.ok(!("error" in report.history));
      assert.deepEqual(
        report.history.map(({ active, epoch, phase }) => [
          epoch,
          active,
          phase,
        ]),
        [
          [1, "primary", "steady"],
          [2, "primary", "fencing"],
          [3, "secondary", "steady"],
        ],
      );
    },
  );

  await step("clusters that share broker ids are refused", async () => {
    // The killed one has left its place among the JVMs.
    await using other = await KafkaCluster.start({
      heapMb: 256,
      nodeIdBase: 101,
    });
    const { code, said } = await refusedSentinel({
      ...clusters,
      PRIMARY_BROKERS: other.bootstrapServers,
      GATEWAY_LISTEN: listenA,
    });
    assert.equal(code, 1, said);
    assert.match(
      said,
      /^both clusters have brokers with the ids 101: .*node\.id$/m,
    );
    assert.doesNotMatch(said, /\n {4}at /);
  });
});
