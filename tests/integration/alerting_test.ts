/**
 * Prometheus and Alertmanager as they are in `deploy`, on a pool that runs.
 * Whatever they wait for is divided by 30 in a copy of the files: a scrape each
 * half second, and 10 s where an alert waits for 5 minutes.
 *
 * Here alerts are provoked for real: dead letters, a worker that hangs, a
 * process that ends, a record that is never done with, a crash loop.
 * alerting_clusters_test.ts has others; promtool has all of them.
 */
import assert from "node:assert/strict";
import { Alerting } from "../support/alerting/alerting.ts";
import { Receiver } from "../support/alerting/receiver.ts";
import { ENDED } from "../support/certificates.ts";
import { freePorts } from "../support/free_port.ts";
import { queriesOf, readDashboards } from "../support/grafana_dashboards.ts";
import { startJob } from "../support/job_process.ts";
import { readRules } from "../support/prometheus_rules.ts";
import { pause } from "../support/pause.ts";
import { prometheusTest } from "../support/prometheus_tools.ts";
import { eventually } from "../support/wait.ts";
import type { Command } from "../chaos/processors/command.ts";

const divisor = 30;
const instance = "watched";
const processor = new URL(
  "../chaos/processors/commanded.ts",
  import.meta.url,
).pathname;
const hangs: Command = { kind: "hang", hangMs: 60_000 };
const waits: Command = { kind: "wait" };
const crashes: Command = { kind: "crash" };
/** As somebody would have them for whom ten minutes are too long. */
const edits = {
  SwitchyardBehind: { above: 10 },
  SwitchyardLagGrowing: { above: 10, for: "5m" },
};
/** Between two crashes, at least. */
const crashMs = 200;

prometheusTest(
  "a worker that is stopped reaches the right people, and what follows from it does not",
  async (tools) => {
    const commands = await Deno.makeTempDir({ prefix: "switchyard-alerts-" });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(commands, { recursive: true }));
    const certificate = `${commands}/ended.pem`;
    await Deno.writeTextFile(certificate, ENDED);
    const [port] = freePorts(1);
    const env = {
      CHAOS_COMMANDS: commands,
      INSTANCE_ID: instance,
      HTTP_PORT: String(port),
      PROCESSOR: processor,
      DRAIN_MS: "1000",
      HANDLER_TIMEOUT_MS: "600000",
    };
    await using job = startJob({
      env: {
        ...env,
        EMBEDDED_MALFORMED: "0.5",
        SECONDARY_KAFKA_SSL_CA_LOCATION: certificate,
        // It judges workers that start, too, and a busy machine starts them late.
        WATCHDOG_MS: "5000",
      },
    });
    const receiver = stack.use(new Receiver());
    const alerting = stack.use(
      await Alerting.start({
        tools,
        divisor,
        edits,
        targets: { "switchyard-pool": [`127.0.0.1:${port}`] },
        receiverUrl: receiver.url,
      }),
    );

    await eventually(async () => {
      const health = await alerting.health();
      return health.length === 1 && health[0] === "up";
    }, { what: "scraped" });
    await rulesAreSound(alerting);
    for (const board of readDashboards().values()) {
      for (const query of queriesOf(board)) {
        await alerting.query(asGrafanaWould(query));
      }
    }

    const letters = await receiver.told("SwitchyardDeadLetters");
    assert.equal(letters.receiver, "page");
    assert.match(letters.annotations["summary"]!, /^\d+(\.\d+)?% of the rec/);

    const ended = await receiver.told("SwitchyardCertificateExpires");
    assert.equal(ended.receiver, "page");
    assert.equal(ended.labels["file"], certificate);

    const tell = (command: Command) =>
      Deno.writeTextFile(`${commands}/${instance}`, JSON.stringify(command));
    await tell(hangs);
    const hung = await receiver.told("SwitchyardWorkerHung");
    assert.equal(hung.receiver, "ticket");
    assert.equal(hung.labels["instance"], `127.0.0.1:${port}`);
    assert.equal(
      hung.annotations["runbook_url"],
      "docs/runbooks.md#switchyardworkerhung",
    );

    assert.equal((await job.exit()).code, 1);
    const down = await receiver.told("SwitchyardRoleDown");
    assert.equal(down.receiver, "page");
    assert.equal(down.labels["job"], "switchyard-pool");
    await alerting.inhibited("SwitchyardTargetDown");

    // So many that enough of them can crash before any has to wait for long.
    await using _again = startJob({ env: { ...env, WORKERS: "8" } });
    await receiver.told("SwitchyardRoleDown", "resolved");
    const names = new Set(
      receiver.notices.map(({ labels }) => labels["alertname"]),
    );
    assert.deepEqual([...names].toSorted(), [
      "SwitchyardCertificateExpires",
      "SwitchyardDeadLetters",
      "SwitchyardRoleDown",
      "SwitchyardWorkerHung",
    ]);

    await tell(waits);
    const stalled = await receiver.told("SwitchyardPartitionStalled");
    const behind = await receiver.told("SwitchyardBehind");
    const growing = await receiver.told("SwitchyardLagGrowing");
    assert.deepEqual(
      [stalled, behind, growing].map(({ receiver }) => receiver),
      ["page", "page", "ticket"],
    );

    const told = new AbortController();
    const loop = receiver.told("SwitchyardWorkerCrashLoop")
      .finally(() => told.abort());
    while (!told.signal.aborted) {
      await tell(crashes);
      await pause(crashMs, told.signal);
    }
    assert.equal((await loop).receiver, "ticket");
    const idle = await receiver.told("SwitchyardNothingRuns");
    assert.equal(idle.receiver, "page");
  },
);

/** All are loaded, and have been evaluated without an error. */
async function rulesAreSound(alerting: Alerting): Promise<void> {
  const rules = await eventually(async () => {
    const rules = await alerting.rules();
    return rules.some(({ health }) => health === "unknown") ? null : rules;
  }, { what: "evaluated" });
  assert.deepEqual(rules.filter(({ health }) => health !== "ok"), []);
  const { alerts, records } = readRules();
  assert.equal(rules.length, alerts.length + records.length);
}

/** With the variables of a dashboard at "All". */
const asGrafanaWould = (query: string): string =>
  query.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".+");
