/** Composes what a sentinel consists of and runs it until a signal. */
import {
  type ClusterSettings,
  type LoadedSettings,
  parseGatewayAddresses,
  type Settings,
} from "../config/mod.ts";
import {
  type FailOver,
  Sentinel,
  type SentinelOptions,
  type SentinelStatus,
} from "../../dr/sentinel/mod.ts";
import type { ClusterClients } from "../../dr/clusters.ts";
import type { GatewayAddress } from "../../dr/gateway/mod.ts";
import type { ClusterName } from "../../dr/state/mod.ts";
import type { Library } from "../kafka/mod.ts";
import type { Health } from "../telemetry/health.ts";
import type { Log } from "../telemetry/log.ts";
import type { SpanRecorder } from "../telemetry/span_recorder.ts";
import { clientSettings } from "./client_properties.ts";
import { spansOf } from "./command_telemetry.ts";
import { instanceIdOf } from "./instance_id.ts";
import { sentinelMetrics } from "./sentinel_metrics.ts";
import { Service } from "./service.ts";

export interface SentinelCluster extends ClusterClients {
  /** Brokers as the gateway connects to them. */
  readonly brokers: readonly string[];
}

/** What a failover is made of. */
export interface FailOverParts {
  readonly library: Library;
  readonly settings: Settings;
  readonly clusters: Readonly<Record<ClusterName, SentinelCluster>>;
  readonly log: Log;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
}

/** What a sentinel carries out, and is told of before. */
export interface ExpectedFailOver extends AsyncDisposable {
  readonly expect: NonNullable<SentinelOptions["expect"]>;
  readonly failOver: FailOver;
}

/** @returns the exit status. */
export async function runSentinel(
  loaded: LoadedSettings,
  primaryBrokers: string,
  secondaryBrokers: string,
  newFailOver: (parts: FailOverParts) => ExpectedFailOver,
): Promise<number> {
  const { settings } = loaded;
  await using stack = new AsyncDisposableStack();
  // Two sentinels with one name would be one voter.
  const instance = stack.use(instanceIdOf(loaded));
  const service = stack.use(
    await Service.open({ settings, instanceId: instance.id }),
  );
  const { library, log } = service;
  const parts = {
    library,
    settings: { ...settings, instanceId: instance.id },
    clusters: {
      primary: clusterOf(settings, settings.primary, primaryBrokers),
      secondary: clusterOf(settings, settings.secondary, secondaryBrokers),
    },
    log,
    spans: spansOf(service.telemetry),
  };
  const failOver = stack.use(newFailOver(parts));
  const sentinel = stack.use(newSentinel(parts, failOver));
  const http = stack.use(service.serve({
    liveness: () => sentinelLiveness(sentinel.status()),
    readiness: () => sentinelReadiness(sentinel.status()),
    more: { "/readyz/gateway": () => gatewayReadiness(sentinel.status()) },
    status: () => sentinel.status(),
    metrics: () => sentinelMetrics(sentinel.status()),
  }));
  try {
    await sentinel.start(service.stop);
  } catch (error) {
    if (service.stop.aborted) return 0;
    throw error;
  }
  log.info("started", {
    role: "sentinel",
    voter: instance.id,
    sentinels: settings.sentinel.count,
    mode: settings.sentinel.mode,
    primary: primaryBrokers,
    secondary: secondaryBrokers,
    gateway: settings.gatewayListen,
    librdkafka: library.version,
    http: `http://${settings.httpHost}:${http.port}`,
  });
  const failure = await Promise.race([
    sentinel.failed,
    service.stopped.then(() => null),
  ]);
  if (failure === null) log.info("draining", { signal: service.stop.reason });
  await sentinel.drain();
  return failure === null ? 0 : 1;
}

/** How a sentinel reaches a cluster. */
export const clusterOf = (
  settings: Settings,
  cluster: ClusterSettings,
  brokers: string,
): SentinelCluster => ({
  ...clientSettings(
    { ...settings, guarantee: "at-least-once" },
    cluster,
    brokers,
  ),
  brokers: brokers.split(","),
});

export function newSentinel(
  { clusters, library, log, settings, spans = null }: FailOverParts,
  { expect, failOver }: ExpectedFailOver,
): Sentinel {
  const { gateway, sentinel } = settings;
  return new Sentinel({
    library,
    clusters,
    expect,
    failOver,
    voter: settings.instanceId,
    policy: {
      mode: sentinel.mode,
      sentinels: sentinel.count,
      voteFreshMs: sentinel.voteFreshMs,
      rpoMs: sentinel.rpoMs,
      holdOffMs: sentinel.holdOffMs,
    },
    watchedTopics: sentinel.topics.split(","),
    replicationFactor: sentinel.stateReplicationFactor,
    addresses: addressesOf(settings.gatewayListen, clusters),
    limits: {
      connections: gateway.connections,
      connectionsPerAddress: gateway.connectionsPerAddress ??
        gateway.connections,
      connectionsPerClient: gateway.connectionsPerClient ?? Infinity,
      idleTimeoutMs: gateway.idleMs,
      switchGraceMs: gateway.switchGraceMs,
      waitMs: gateway.waitMs,
    },
    log,
    spans,
  });
}

export const addressesOf = (
  gatewayListen: string,
  { primary, secondary }: FailOverParts["clusters"],
): GatewayAddress[] =>
  parseGatewayAddresses(gatewayListen).map(({ brokers, listen }) => ({
    listen,
    primary: brokers[0] ?? primary.brokers,
    secondary: brokers[1] ?? secondary.brokers,
  }));

export const sentinelLiveness = (
  { failure, phase }: Pick<SentinelStatus, "failure" | "phase">,
): Health =>
  phase === "failing"
    ? { ok: false, reason: failure ?? "the sentinel is failing" }
    : { ok: true };

/** It knows where clients belong, and its vote counts. */
export function sentinelReadiness(
  status: Pick<SentinelStatus, "failure" | "isVoting" | "phase" | "state">,
): Health {
  const ready = gatewayReadiness(status);
  if (!ready.ok || status.isVoting) return ready;
  return { ok: false, reason: "its vote is not taken" };
}

/**
 * Whether clients may be sent to this gateway. It asks for no vote: while the
 * secondary is down none is taken, and clients of the primary are well.
 */
export function gatewayReadiness(
  { failure, phase, state }: Pick<
    SentinelStatus,
    "failure" | "phase" | "state"
  >,
): Health {
  if (phase !== "running") {
    return { ok: false, reason: failure ?? `the sentinel is ${phase}` };
  }
  return state === null
    ? { ok: false, reason: "it is not known which cluster is active" }
    : { ok: true };
}
