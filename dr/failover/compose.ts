/** What a failover does on real clusters. */
import { KafkaError, type Library } from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import {
  type Flow,
  lanesTopic,
  type ReplicationPolicy,
} from "../formats/mod.ts";
import { endHanging } from "../mirror/hanging.ts";
import { type ClusterClients, openClusters } from "../clusters.ts";
import { allow, type Fence, fenceOf } from "../denials.ts";
import { bootstrapOf } from "../health/known_brokers.ts";
import { idOf, laneOf, transactionalId } from "../mirror/names.ts";
import { unlessAborted } from "../waits.ts";
import { inMapTime, LaneFollower, OffsetMap } from "../offset_map/mod.ts";
import type { SenderOptions } from "../sender.ts";
import {
  type ClusterName,
  type DrState,
  HISTORY_TOPIC,
  leasesEndMs,
  type LeaseTimes,
  other,
  STATE_TOPIC,
  type StateClusters,
  StateError,
  StateStore,
  type StateTimings,
} from "../state/mod.ts";
import { drained } from "./drained.ts";
import { FailoverError } from "./errors.ts";
import type { Drained, FailOverParts, StepReport } from "./fail_over.ts";
import { isAlive } from "./left_alive.ts";
import { OutputsStep } from "./outputs_step.ts";
import { sealLanes } from "./seal.ts";
import {
  ensureState,
  mirroredPartitions,
  newestState,
  partitionCounts,
  REQUEST_MS,
} from "./target.ts";

export interface OpenFailOverOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, ClusterClients>>;
  readonly to: ClusterName;
  /** Of the mirror to it. */
  readonly policy: ReplicationPolicy;
  /** Of topics that are not there yet; no more than there are brokers. */
  readonly replicationFactor: number;
  readonly onStep: (report: StepReport) => void;
  readonly log: Log;
  /** Principals to be kept from the cluster that is left. Default: none. */
  readonly denied?: readonly string[];
  /** Of pools; null: they have no leases. */
  readonly leases: LeaseTimes | null;
  readonly timings?: StateTimings;
}

export interface OpenFailOver extends FailOverParts, AsyncDisposable {
  readonly fence: Fence | null;
  readonly store: StateStore;
  /**
   * Connects, and begins to read what can be read before the fence: to be called
   * where a failover is expected. It changes nothing.
   * @throws {KafkaError}; the signal's reason.
   */
  readonly readAhead: (signal: AbortSignal) => Promise<void>;
  /**
   * What there is now, null where nothing was ever written.
   * @throws {KafkaError | StateError} where that cannot be read.
   */
  readonly newest: (signal: AbortSignal) => Promise<DrState | null>;
  /** Whether the cluster that is left lives; see `isAlive`. */
  readonly isLeftAlive: (signal: AbortSignal) => Promise<boolean>;
}

/** A dead primary is not waited for. */
const TIMINGS: StateTimings = {
  requestMs: 5_000,
  readMs: 3_000,
  forcedReadMs: 200,
  copyMs: 1_000,
};
/** Without librdkafka's habit of waiting at the end for up to half a second. */
const PROMPT_FETCH = {
  "fetch.wait.max.ms": 20,
  "fetch.queue.backoff.ms": 2,
} as const;

/**
 * @param opened clients of the clusters, not closed here; default: its own
 * @throws {PropertyError} where clients cannot be made.
 */
export function openFailOver(
  options: OpenFailOverOptions,
  opened: StateClusters | null = null,
): OpenFailOver {
  const { library, log, policy, timings = TIMINGS, to } = options;
  const flow: Flow = { source: other(to), target: to };
  const owned = new AsyncDisposableStack();
  const clients = opened ?? owned.use(openClusters(options));
  const store = owned.use(new StateStore({ ...clients, timings }));
  const target = clients.clusters[to];
  const { admin } = target;
  const consumer = { ...target.consumer, ...PROMPT_FETCH };
  const reading = { library, flow, consumer, admin };
  const writing: SenderOptions = {
    library,
    properties: target.producer,
    onEvent: clients.onClientEvent,
  };
  /** Begun early, since most of the lanes' logs can be read before the seal. */
  let following: Promise<LaneFollower> | null = null;
  owned.defer(async () => {
    const [opened] = await Promise.allSettled([following]);
    if (opened!.status === "fulfilled") {
      await opened!.value?.[Symbol.asyncDispose]();
    }
  });
  // Before that: it may still be under way.
  const closing = new AbortController();
  owned.defer(() => closing.abort(new TypeError("this failover is closed")));
  const mapNow = async (signal: AbortSignal): Promise<OffsetMap> => {
    const opening = following;
    if (opening === null) return new OffsetMap();
    const topic = lanesTopic(flow.source);
    const failed = (message: string) => new FailoverError("failed", message);
    return await inMapTime({ topic, failed }, async (its) => {
      const follower = await unlessAborted(opening, its);
      await follower.load(its);
      return follower.map;
    }, signal);
  };
  const targetTopic = (topic: string) => policy.targetTopic(flow.source, topic);
  const outputs = owned.use(
    new OutputsStep({
      reading,
      writing,
      targetTopic,
      map: mapNow,
      replicationFactor: options.replicationFactor,
      log,
    }),
  );
  const readAhead = async (signal: AbortSignal) => {
    const counts = await partitionCounts(admin, signal);
    const topic = lanesTopic(flow.source);
    if (following === null && counts.has(topic)) {
      following = LaneFollower.open({
        library,
        properties: consumer,
        topic,
        signal: AbortSignal.any([signal, closing.signal]),
      });
      following.catch(() => {}); // awaited when it is needed
      outputs.readAhead();
    }
    return counts;
  };
  return {
    store,
    leasesMs: options.leases === null ? 0 : leasesEndMs(options.leases),
    now: () => performance.now(),
    onStep: options.onStep,
    isLeftAlive(signal) {
      const left = other(to);
      const brokers = bootstrapOf(options.clusters[left].admin);
      return isAlive(clients.clusters[left].admin, brokers, signal);
    },
    async readAhead(signal) {
      await readAhead(signal);
    },
    newest: (signal) =>
      newestState(
        clients.clusters.secondary.admin,
        // A dead primary is not waited for.
        { read: (its) => store.read(its, { force: true }) },
        signal,
      ),
    async lanes(signal) {
      const { secondary } = clients.clusters;
      const counts = await readAhead(signal);
      const known = to === "secondary"
        ? counts
        : await partitionCounts(secondary.admin, signal);
      if (!known.has(STATE_TOPIC) || !known.has(HISTORY_TOPIC)) {
        await ensureState(clients, options.replicationFactor, signal);
      }
      return counts.get(lanesTopic(flow.source)) ?? null;
    },
    change: (decide, signal) => store.change(decide, { force: true, signal }),
    latest: (signal) => store.latest(signal),
    seal: (lanes, era, signal) =>
      sealLanes({ ...writing, admin, flow, lanes }, era, signal),
    async drain(lanes, signal): Promise<Drained> {
      const map = await mapNow(signal);
      const partitions = await mirroredPartitions(
        admin,
        map,
        targetTopic,
        signal,
      );
      const laneOfTarget = new Map(
        Array.from(map.partitions(), ({ topic, partition }) => [
          idOf({ topic: targetTopic(topic), partition }),
          laneOf({ topic, partition }, lanes),
        ]),
      );
      const draining = drained({
        admin,
        partitions,
        requestMs: REQUEST_MS,
        async endHanging(open, each) {
          const byLane = Map.groupBy(
            open,
            (tp) => laneOfTarget.get(idOf(tp)) ?? 0,
          );
          for (const [lane, tps] of byLane) {
            const producer = {
              ...target.producer,
              "transactional.id": transactionalId(flow, lane),
            };
            const foreign = new Set<string>();
            const parts = { library, admin, producer, foreign, log };
            try {
              await endHanging(parts, tps, each);
            } catch (error) {
              each.throwIfAborted();
              if (!(error instanceof KafkaError)) throw error;
              // What stays open is told in the end.
              log.warn("what hangs cannot be ended", { lane, error });
            }
          }
        },
      }, signal);
      // Readers wait there, and outputs behind that are not found: no loss.
      const problem = await draining.then(() => null, (error) => {
        if (!(error instanceof FailoverError)) throw error;
        return error.message;
      });
      return { partitions: partitions.length, problem };
    },
    outputs: (era, signal) => outputs.carryOut(era, signal),
    fence: fenceOf(
      { admin: clients.clusters[other(to)].admin, cluster: other(to) },
      options.denied,
    ),
    async allow(signal) {
      try {
        return { principals: await allow(admin, signal), problem: null };
      } catch (error) {
        signal.throwIfAborted();
        const isOfCluster = error instanceof KafkaError ||
          error instanceof StateError;
        if (!isOfCluster) throw error;
        const problem = `whether clients are denied the ${to} is not known ` +
          `(${error.message})`;
        return { principals: [], problem };
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
