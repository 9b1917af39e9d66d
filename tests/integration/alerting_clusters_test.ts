/**
 * Prometheus and Alertmanager as they are in `deploy`, on a mirror and a
 * sentinel between two real clusters, of which one after the other is killed.
 * All times are divided by 30, as in alerting_test.ts.
 */
import assert from "node:assert/strict";
import { Alerting } from "../support/alerting/alerting.ts";
import { Receiver } from "../support/alerting/receiver.ts";
import { failover } from "../support/failover_run.ts";
import { freePorts } from "../support/free_port.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import {
  missingForPrometheus,
  prometheusTools,
} from "../support/prometheus_tools.ts";
import { missingForKafka } from "../support/require_java.ts";
import { needingTest } from "../support/needs.ts";
import { pause } from "../support/pause.ts";
import { SentinelRun } from "../support/sentinel_run.ts";

const divisor = 30;
const knockMs = 200;

needingTest(
  missingForKafka() ?? missingForPrometheus(),
  "damage, a lost primary and a failover reach people, and what follows does not",
  async () => {
    await using stack = new AsyncDisposableStack();
    const pair = stack.use(await MirrorPair.start({ heapMb: 256 }));
    const [source, target] = [pair.source, pair.target].map(({ cluster }) =>
      cluster.brokers[0]!
    );
    await pair.create("kept", 1);
    await pair.create("deleted", 1);
    const [mirrorPort, sentinelPort, gatewayPort] = freePorts(3);
    const mirror = stack.use(
      pair.mirror(["kept", "deleted"], { HTTP_PORT: `${mirrorPort}` }),
    );
    const sentinel = stack.use(SentinelRun.start({
      PRIMARY_BROKERS: pair.source.cluster.bootstrapServers,
      SECONDARY_BROKERS: pair.target.cluster.bootstrapServers,
      SENTINELS: "1",
      SENTINEL_MODE: "advise",
      SENTINEL_TOPICS: "kept",
      GATEWAY_LISTEN: `127.0.0.1:${gatewayPort}`,
      GATEWAY_WAIT_MS: "100",
      HTTP_PORT: `${sentinelPort}`,
    }));
    await mirror.running();
    await sentinel.until(
      "sees both clusters, and how far the mirror is",
      ({ health, lagMs }) =>
        health?.primary.health === "healthy" &&
        health.secondary.health === "healthy" && lagMs !== null,
    );
    const receiver = stack.use(new Receiver());
    const alerting = stack.use(
      await Alerting.start({
        tools: prometheusTools()!,
        divisor,
        targets: {
          "switchyard-mirror": [`127.0.0.1:${mirrorPort}`],
          "switchyard-sentinel": [`127.0.0.1:${sentinelPort}`],
        },
        receiverUrl: receiver.url,
      }),
    );
    const paged = async (alert: string, labels: Record<string, string>) => {
      const notice = await receiver.told(alert);
      assert.equal(notice.receiver, "page");
      for (const [name, value] of Object.entries(labels)) {
        assert.equal(notice.labels[name], value);
      }
    };
    // There is none here.
    await paged("SwitchyardRoleDown", { job: "switchyard-pool" });

    await pair.delete("deleted");
    await paged("SwitchyardMirrorPartitionStopped", { source: "primary" });

    await source!.kill();
    using clients = new Clients(gatewayPort!);
    await paged("SwitchyardFailoverAdvised", { job: "switchyard-sentinel" });
    await alerting.inhibited("SwitchyardPrimaryUnhealthy");
    await alerting.inhibited("SwitchyardGatewayRefusing");
    clients[Symbol.dispose]();
    // The primary's own alert is not asked about: sentinels take as long here as
    // anywhere, and it may come before their advice.
    const told = receiver.notices.map(({ labels }) => labels["alertname"]);
    assert.ok(!told.includes("SwitchyardGatewayRefusing"));

    const { code, said } = await failover(pair, "--reason", "tested");
    assert.equal(code, 0, said);
    await paged("SwitchyardFailoverHappened", { cluster: "secondary" });

    await target!.kill();
    await paged("SwitchyardSecondaryUnhealthy", { role: "active" });
    await alerting.inhibited("SwitchyardSentinelsNotVoting");
  },
);

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
