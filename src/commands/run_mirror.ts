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
import { type ClusterName, other } from "../../dr/state/mod.ts";
import type { PlanOptions } from "../../dr/topics/mod.ts";
import type { Library } from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
import type { SpanRecorder } from "../telemetry/span_recorder.ts";
import { clientSettings } from "./client_properties.ts";
import { refusePair } from "./cluster_pair.ts";
import { spansOf } from "./command_telemetry.ts";
import { mirrorMetrics } from "./mirror_metrics.ts";
import { print } from "./output.ts";
import { Service } from "./service.ts";
import { configOverride, damageRule } from "./topic_rules.ts";

const KIB = 1024;
/** How a mirror from this cluster goes. */
export const flowFrom = (source: ClusterName) => ({
  source,
  target: other(source),
});
/** The target's own limits decide. */
export const LARGEST_RECORD_BYTES = 100 * 2 ** 20;

/** Of both clusters. */
export type Brokers = Readonly<Record<ClusterName, string>>;

/** @returns the exit status. */
export async function runMirror(
  settings: Settings,
  brokers: Brokers,
  from: ClusterName,
): Promise<number> {
  const startedMs = performance.now();
  await using stack = new AsyncDisposableStack();
  const { instanceId } = settings;
  const service = stack.use(await Service.open({ settings, instanceId }));
  const { library, log } = service;
  const mirror = stack.use(
    newMirror(library, settings, {
      brokers,
      from,
      log,
      spans: spansOf(service.telemetry),
    }),
  );
  const http = stack.use(service.serve({
    liveness: () => livenessOf(mirror.status()),
    readiness: () => readinessOf(mirror.status()),
    status: () => mirror.status(),
    metrics: () => mirrorMetrics(mirror.status()),
  }));
  // It would copy its own copies, without an end.
  await refusePair({ brokers, library, settings }, ["same-cluster"]);
  await mirror.start();
  log.info("started", {
    role: "mirror",
    source: brokers[from],
    target: brokers[other(from)],
    policy: settings.mirror.policy,
    librdkafka: library.version,
    http: `http://${settings.httpHost}:${http.port}`,
  });
  const failure = await Promise.race([
    mirror.failed,
    service.stopped.then(() => null),
  ]);
  if (failure === null) log.info("draining", { signal: service.stop.reason });
  else log.error(failure, { role: "mirror" });
  const clean = await mirror.drain();
  const { mirrored, bytes } = mirror.status().totals;
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  const summary = { event: "summary", mirrored, bytes, seconds };
  const status = failure === null ? 0 : 1;
  if (clean) await stack.disposeAsync();
  print(JSON.stringify(summary));
  // What a hung thread holds can only be freed by the end of the process.
  if (!clean) {
    await service[Symbol.asyncDispose]();
    Deno.exit(status);
  }
  return status;
}

export interface NewMirrorOptions {
  readonly brokers: Brokers;
  /** The cluster that is copied. */
  readonly from: ClusterName;
  readonly log: Log;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
  /** Of the mirrors that share the lanes; default: that of the direction. */
  readonly group?: string;
}

export function newMirror(
  library: Library,
  settings: Settings,
  { brokers, from, group = laneGroup(flowFrom(from)), log, spans = null }:
    NewMirrorOptions,
): Mirror {
  const { mirror } = settings;
  const flow = flowFrom(from);
  // Whatever the job's guarantee: a mirror writes in transactions.
  const exact: Settings = {
    ...settings,
    guarantee: "exactly-once",
    fetchQueueKbytes: mirror.fetchQueueKbytes,
  };
  const source = clientSettings(exact, settings[from], brokers[from], {
    partitionFetchBytes: mirror.fetchQueueKbytes * KIB / 8,
  });
  const target = clientSettings(
    exact,
    settings[flow.target],
    brokers[flow.target],
  );
  return new Mirror({
    library,
    flow,
    source: {
      consumer: { ...source.consumer, "group.id": laneGroup(flow) },
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
    plan: planOf(settings, from),
    policy: policyOf(settings, from),
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
      logLevel: log.level.memory,
    },
    refreshMs: mirror.refreshMs,
    rates: {
      records: null,
      bytes: mirror.rateKbytes === null ? null : mirror.rateKbytes * KIB,
    },
    watchdogMs: settings.watchdogMs,
    drainMs: settings.drainMs,
    log,
    spans,
  });
}

export const policyOf = ({ mirror }: Settings, source: ClusterName) =>
  replicationPolicy({ kind: mirror.policy, sourceAlias: source });

/** What a mirror from this cluster takes. */
export function mirroredTopics(
  settings: Settings,
  source: ClusterName,
): (topic: string) => boolean {
  const { mirror } = settings;
  const policy = policyOf(settings, source);
  const isWanted = topicFilter(mirror.topics, mirror.excludeTopics);
  const selection = { ...flowFrom(source), policy, isWanted };
  return (topic) => judgeTopic(selection, topic) === "mirrored";
}

function planOf(settings: Settings, source: ClusterName): PlanOptions {
  const { mirror } = settings;
  const policy = policyOf(settings, source);
  // On the way back the primary's settings are not the secondary's to decide.
  const isBack = source === "secondary";
  return {
    isMirrored: mirroredTopics(settings, source),
    targetTopic: (topic) => policy.targetTopic(source, topic),
    isConfigCopied: isBack ? () => false : configFilter(),
    configOverrides: isBack ? [] : mirror.topicConfigs.map(configOverride),
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
