/**
 * Prometheus and Alertmanager as they are in `deploy`, on a mirror and two
 * sentinels between two real clusters: a lane stands still, a sentinel is cut
 * off, and one cluster after the other is killed. All times are divided by 30,
 * as in alerting_test.ts.
 */
import assert from "node:assert/strict";
import { Alerting } from "../support/alerting/alerting.ts";
import { Receiver } from "../support/alerting/receiver.ts";
import { failover } from "../support/failover_run.ts";
import { freePorts } from "../support/free_port.ts";
import { Link } from "../support/link.ts";
import { besideHeartbeats, MirrorPair } from "../support/mirror_pair.ts";
import {
  missingForPrometheus,
  prometheusTools,
} from "../support/prometheus_tools.ts";
import { missingForKafka } from "../support/require_java.ts";
import { needingTest } from "../support/needs.ts";
import { noise } from "../support/noise.ts";
import { pause } from "../support/pause.ts";
import { SentinelRun } from "../support/sentinel_run.ts";
import { eventually } from "../support/wait.ts";

const divisor = 30;
const knockMs = 200;
const MIB = 2 ** 20;
/** As somebody would have them for whom a minute is too long. */
const BEHIND_S = 10;
const edits = {
  SwitchyardBeyondRpo: { above: BEHIND_S },
  SwitchyardCheckpointStale: { above: BEHIND_S },
  SwitchyardHeartbeatMissing: { above: BEHIND_S },
  SwitchyardRunsOnSecondary: { for: "2m" },
};
const OPTIONS = { timeoutMs: 60_000 };

needingTest(
  missingForKafka() ?? missingForPrometheus(),
  "a mirror that stands still, damage, a lost primary and a failover reach people, and what follows does not",
  async () => {
    await using stack = new AsyncDisposableStack();
    const pair = stack.use(
      await MirrorPair.start({
        heapMb: 256,
        source: { "message.max.bytes": `${4 * MIB}` },
        targetWays: ["cut"],
      }),
    );
    const [source, target] = [pair.source, pair.target].map(({ cluster }) =>
      cluster.brokers[0]!
    );
    await pair.create("kept", 1);
    await pair.create("deleted", 1);
    await pair.create("stuck", 2);
    const [mirrorPort, sentinelPort, cutPort, ...gateways] = freePorts(5);
    const mirror = stack.use(
      pair.mirror(["kept", "deleted", "stuck"], {
        HTTP_PORT: `${mirrorPort}`,
        MIRROR_GROUP_SYNC: "true",
      }),
    );
    const link = stack.use(new Link(pair.target.cluster, "cut"));
    const sentinelOf = (secondary: string, port: number, gateway: number) =>
      stack.use(SentinelRun.start({
        PRIMARY_BROKERS: pair.source.cluster.bootstrapServers,
        SECONDARY_BROKERS: secondary,
        SENTINELS: "1",
        SENTINEL_MODE: "advise",
        SENTINEL_TOPICS: "kept",
        GATEWAY_LISTEN: `127.0.0.1:${gateway}`,
        GATEWAY_WAIT_MS: "100",
        HTTP_PORT: `${port}`,
        INSTANCE_ID: `sentinel-${port}`,
      }));
    const { bootstrapServers } = pair.target.cluster;
    const sentinel = sentinelOf(bootstrapServers, sentinelPort!, gateways[0]!);
    const cut = sentinelOf(link.servers, cutPort!, gateways[1]!);
    await mirror.running();
    for (const each of [sentinel, cut]) {
      await each.until(
        "sees both clusters, and how far the mirror is",
        ({ health, lagMs }) =>
          health?.primary.health === "healthy" &&
          health.secondary.health === "healthy" && lagMs !== null,
      );
    }
    const receiver = stack.use(new Receiver());
    const alerting = stack.use(
      await Alerting.start({
        tools: prometheusTools()!,
        divisor,
        edits,
        targets: {
          "switchyard-mirror": [`127.0.0.1:${mirrorPort}`],
          "switchyard-sentinel": [
            `127.0.0.1:${sentinelPort}`,
            `127.0.0.1:${cutPort}`,
          ],
        },
        receiverUrl: receiver.url,
      }),
    );
    const told = async (
      to: "page" | "ticket",
      alert: string,
      labels: Record<string, string> = {},
    ) => {
      const notice = await receiver.told(alert);
      assert.equal(notice.receiver, to);
      for (const [name, value] of Object.entries(labels)) {
        assert.equal(notice.labels[name], value);
      }
    };
    await standStill(pair);
    await link.cut();
    await pair.delete("deleted");
    // There is none here.
    await told("page", "SwitchyardRoleDown", { job: "switchyard-pool" });
    await told("page", "SwitchyardMirrorPartitionStopped", {
      source: "primary",
    });
    await told("page", "SwitchyardBeyondRpo");
    await told("ticket", "SwitchyardHeartbeatMissing", { source: "primary" });
    await told("ticket", "SwitchyardCheckpointStale", { source: "primary" });
    await told("ticket", "SwitchyardSentinelsDisagree", {
      cluster: "secondary",
    });
    await told("ticket", "SwitchyardSentinelsNotVoting");

    await pair.configure("stuck", { "max.message.bytes": `${2 * MIB}` });
    await sentinel.until(
      "near",
      ({ lagMs }) => lagMs !== null && lagMs < BEHIND_S * 1000,
    );

    await source!.kill();
    using clients = new Clients(gateways[0]!);
    await told("page", "SwitchyardFailoverAdvised", {
      job: "switchyard-sentinel",
    });
    await alerting.inhibited("SwitchyardPrimaryUnhealthy");
    await alerting.inhibited("SwitchyardGatewayRefusing");
    clients[Symbol.dispose]();
    // The primary's own alert is not asked about: sentinels take as long here as
    // anywhere, and it may come before their advice.
    assert.ok(
      !receiver.notices.some(({ labels }) =>
        labels["alertname"] === "SwitchyardGatewayRefusing"
      ),
    );

    const { code, said } = await failover(pair, "--reason", "tested");
    assert.equal(code, 0, said);
    await told("page", "SwitchyardFailoverHappened", { cluster: "secondary" });
    await told("page", "SwitchyardEpochsDiffer");
    await told("ticket", "SwitchyardRunsOnSecondary");

    await target!.kill();
    await told("page", "SwitchyardSecondaryUnhealthy", { role: "active" });
    await alerting.inhibited("SwitchyardSentinelsNotVoting");
  },
);

/**
 * A record that the target refuses stops its lane, and so the positions of all
 * groups; the other lane goes on. And the target takes no heartbeat of ours.
 */
async function standStill({ source, target }: MirrorPair): Promise<void> {
  const [tiny] = await target.admin.configs.alter([{
    type: "topic",
    name: "heartbeats",
    changes: [{ operation: "set", name: "max.message.bytes", value: "10" }],
  }], OPTIONS);
  assert.equal(tiny!.error, null);
  const value = noise(1.5 * MIB);
  const partition = besideHeartbeats("stuck");
  await source.client.produce("stuck", [{ partition, value }]);
  const position = { topic: "kept", partition: 0, offset: 0, metadata: "" };
  await eventually(async () => {
    const [answer] = await source.admin.groups.alterOffsets("readers", [
      position,
    ], OPTIONS);
    return answer!.error === null;
  }, { what: "a group" });
}

/** Knock at a gateway again and again, and do not care for what comes. */
class Clients implements Disposable {
  readonly #end = new AbortController();

  constructor(port: number) {
    void this.#knock(port);
  }

  async #knock(port: number): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.read(new Uint8Array(1));
      await pause(knockMs, signal);
    }
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }
}
