/** Composes what a mirror consists of and runs it until a signal. */
import type { Settings } from "../config/mod.ts";
import {
  configFilter,
  groupFilter,
  judgeTopic,
  replicationPolicy,
  topicFilter,
} from "../../dr/formats/mod.ts";
import { Mirror, type MirrorStatus } from "../../dr/mirror/mod.ts";
import { laneGroup } from "../../dr/mirror/names.ts";
import type { PlanOptions } from "../../dr/topics/mod.ts";
import type { Library } from "../kafka/mod.ts";
import {
  json,
  metricsText,
  probe,
  startServer,
} from "../telemetry/http_server.ts";
import { createLog, type Log, LogSink } from "../telemetry/log.ts";
import { clientSettings } from "./client_properties.ts";
import { mirrorMetrics } from "./mirror_metrics.ts";
import { openNative } from "./open_native.ts";
import { aborted, listenToSignals } from "./signals.ts";
import { configOverride, damageRule } from "./topic_rules.ts";

const KIB = 1024;
const FLOW = { source: "primary", target: "secondary" } as const;
/** The target's own limits decide. */
const LARGEST_RECORD_BYTES = 100 * 2 ** 20;

/** @returns the exit status. */
export async function runMirror(
  settings: Settings,
  primaryBrokers: string,
  secondaryBrokers: string,
): Promise<number> {
  const startedMs = performance.now();
  const sink = new LogSink();
  const log = createLog({ level: settings.logLevel, write: sink.write });
  const stop = new AbortController();
  await using stack = new AsyncDisposableStack();
  stack.use(listenToSignals({
    onStop: (signal) => stop.abort(signal),
    onStopNow: () => Deno.exit(1),
    onReload: () => {},
  }));
  const library = await openNative(settings, stop.signal);
  const mirror = stack.use(
    newMirror(library, settings, primaryBrokers, secondaryBrokers, log),
  );
  const http = stack.use(startServer({
    host: settings.httpHost,
    port: settings.httpPort,
    log,
    routes: {
      "/livez": () => probe(livenessOf(mirror.status())),
      "/readyz": () => probe(readinessOf(mirror.status())),
      "/status": () => json(200, mirror.status()),
      "/metrics": () => metricsText(mirrorMetrics(mirror.status())),
    },
  }));
  await mirror.start();
  log.info("started", {
    role: "mirror",
    source: primaryBrokers,
    target: secondaryBrokers,
    policy: settings.mirror.policy,
    librdkafka: library.version,
    http: `http://${settings.httpHost}:${http.port}`,
  });
  const failure = await Promise.race([
    mirror.failed,
    aborted(stop.signal).then(() => null),
  ]);
  if (failure === null) log.info("draining", { signal: stop.signal.reason });
  else log.error(failure, { role: "mirror" });
  const clean = await mirror.drain();
  const { mirrored, bytes } = mirror.status().totals;
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  const summary = { event: "summary", mirrored, bytes, seconds };
  const status = failure === null ? 0 : 1;
  if (clean) await stack.disposeAsync();
  Deno.stdout.writeSync(
    new TextEncoder().encode(`${JSON.stringify(summary)}\n`),
  );
  // What a hung thread holds can only be freed by the end of the process.
  if (!clean) Deno.exit(status);
  return status;
}

/** @param group of the mirrors that share the lanes. */
export function newMirror(
  library: Library,
  settings: Settings,
  primaryBrokers: string,
  secondaryBrokers: string,
  log: Log,
  group = laneGroup(FLOW),
): Mirror {
  const { mirror } = settings;
  // Whatever the job's guarantee: a mirror writes in transactions.
  const exact: Settings = {
    ...settings,
    guarantee: "exactly-once",
    fetchQueueKbytes: mirror.fetchQueueKbytes,
  };
  const source = clientSettings(exact, settings.primary, primaryBrokers, {
    partitionFetchBytes: mirror.fetchQueueKbytes * KIB / 8,
  });
  const target = clientSettings(exact, settings.secondary, secondaryBrokers);
  return new Mirror({
    library,
    flow: FLOW,
    source: {
      consumer: { ...source.consumer, "group.id": laneGroup(FLOW) },
      producer: source.producer,
      admin: source.admin,
    },
    target: {
      consumer: { ...target.consumer, "group.id": group },
      producer: {
        ...target.producer,
        "message.max.bytes": LARGEST_RECORD_BYTES,
      },
      admin: target.admin,
    },
    plan: planOf(settings),
    policy: policyOf(settings),
    isGroupMirrored: groupFilter(mirror.groups, mirror.excludeGroups),
    setsGroupOffsets: mirror.groupSync,
    cutIntervalMs: mirror.cutIntervalMs,
    damage: mirror.onDamage.map(damageRule),
    lanes: mirror.lanes,
    job: {
      limits: {
        batchRecords: settings.batchRecords,
        pendingRecords: settings.pendingRecords,
        pendingBytes: settings.pendingKbytes * KIB,
        concurrency: 1,
        handlerTimeoutMs: settings.handlerTimeoutMs,
      },
      transaction: {
        intervalMs: mirror.transactionMs,
        mostMs: settings.transactionTimeoutMs / 2,
        records: mirror.transactionRecords,
      },
      logLevel: settings.logLevel,
    },
    refreshMs: mirror.refreshMs,
    rates: {
      records: null,
      bytes: mirror.rateKbytes === null ? null : mirror.rateKbytes * KIB,
    },
    watchdogMs: settings.watchdogMs,
    drainMs: settings.drainMs,
    log,
  });
}

const policyOf = ({ mirror }: Settings) =>
  replicationPolicy({ kind: mirror.policy, sourceAlias: FLOW.source });

function planOf(settings: Settings): PlanOptions {
  const { mirror } = settings;
  const policy = policyOf(settings);
  const isWanted = topicFilter(mirror.topics, mirror.excludeTopics);
  return {
    isMirrored: (topic) =>
      judgeTopic({ ...FLOW, policy, isWanted }, topic) === "mirrored",
    targetTopic: (topic) => policy.targetTopic(FLOW.source, topic),
    isConfigCopied: configFilter(),
    configOverrides: mirror.topicConfigs.map(configOverride),
    replicationFactor: mirror.replicationFactor,
  };
}

const livenessOf = ({ phase, failure }: MirrorStatus) =>
  phase === "failing"
    ? { ok: false, reason: failure ?? "the mirror is failing" }
    : { ok: true };

function readinessOf(status: MirrorStatus) {
  const { lanes, phase } = status;
  if (phase !== "running") {
    const { failure, idle } = status;
    const reason = failure ?? idle ?? `the mirror is ${phase}`;
    return { ok: false, reason };
  }
  const waiting = lanes.filter(({ state }) => state !== "running");
  if (waiting.length === 0) return { ok: true };
  const states = waiting.map(({ lane, state }) => `lane ${lane} is ${state}`);
  return { ok: false, reason: states.join(", ") };
}
