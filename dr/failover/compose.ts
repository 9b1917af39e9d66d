/** What a failover does on real clusters. */
import { KafkaError, type Library, ReadError } from "../../src/kafka/mod.ts";
import type { DoneInput } from "../../src/pool/done_outputs.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import {
  type Flow,
  lanesTopic,
  type ReplicationPolicy,
} from "../formats/mod.ts";
import { endHanging } from "../mirror/hanging.ts";
import { type ClusterClients, openClusters } from "../clusters.ts";
import { idOf, laneOf, transactionalId } from "../mirror/names.ts";
import { topicIdsNow } from "../topics_now.ts";
import { pause, unlessAborted } from "../waits.ts";
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
  StateStore,
  type StateTimings,
} from "../state/mod.ts";
import { writeDone } from "./done_topic.ts";
import { drained } from "./drained.ts";
import { FailoverError } from "./errors.ts";
import type {
  Drained,
  FailOverParts,
  OutputCounts,
  StepReport,
} from "./fail_over.ts";
import { OutputFinder } from "./find_outputs.ts";
import { scanOutputs, type ScanReport } from "./scan_outputs.ts";
import { sealLanes } from "./seal.ts";
import {
  committedOf,
  ensureState,
  idleGroups,
  mirroredPartitions,
  newestState,
  partitionCounts,
  readCuts,
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
  /** See `ChangeOptions`. Default: nobody has followed them. */
  readonly followed?: number;
  readonly log: Log;
  /** Of pools; null: they have no leases. */
  readonly leases: LeaseTimes | null;
  readonly timings?: StateTimings;
}

export interface OpenFailOver extends FailOverParts, AsyncDisposable {
  readonly store: StateStore;
  /**
   * What there is now, null where nothing was ever written.
   * @throws {KafkaError | StateError} where that cannot be read.
   */
  readonly newest: (signal: AbortSignal) => Promise<DrState | null>;
  /** Whether the cluster that is left answers within the time. */
  readonly isLeftAlive: (
    timeoutMs: number,
    signal: AbortSignal,
  ) => Promise<boolean>;
}

/** A dead primary is not waited for. */
const TIMINGS: StateTimings = {
  requestMs: 5_000,
  readMs: 3_000,
  forcedReadMs: 200,
  copyMs: 1_000,
};
/** A million outputs take some seconds. */
const OUTPUTS_MS = 120_000;
/** A broker that is just not there comes back, or its partitions move. */
const SCAN_AGAIN_MS = 30_000;
const AGAIN_MS = 500;
/** Without librdkafka's habit of waiting at the end for up to half a second. */
const PROMPT_FETCH = {
  "fetch.wait.max.ms": 20,
  "fetch.queue.backoff.ms": 2,
} as const;

/** @throws {PropertyError} where clients cannot be made. */
export function openFailOver(options: OpenFailOverOptions): OpenFailOver {
  const { followed, library, log, policy, timings = TIMINGS, to } = options;
  const flow: Flow = { source: other(to), target: to };
  const owned = new AsyncDisposableStack();
  const clients = owned.use(openClusters(options));
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
  return {
    store,
    leasesMs: options.leases === null ? 0 : leasesEndMs(options.leases),
    now: () => performance.now(),
    onStep: options.onStep,
    async isLeftAlive(timeoutMs, signal) {
      const left = clients.clusters[other(to)].admin;
      try {
        const { brokers } = await left.describeCluster({ timeoutMs, signal });
        return brokers.length > 0;
      } catch {
        signal.throwIfAborted();
        return false;
      }
    },
    newest: (signal) => newestState(clients, store, signal),
    async lanes(signal) {
      const { secondary } = clients.clusters;
      const counts = await partitionCounts(admin, signal);
      const known = to === "secondary"
        ? counts
        : await partitionCounts(secondary.admin, signal);
      if (!known.has(STATE_TOPIC) || !known.has(HISTORY_TOPIC)) {
        await ensureState(clients, options.replicationFactor, signal);
      }
      const topic = lanesTopic(flow.source);
      const lanes = counts.get(topic) ?? null;
      if (lanes !== null && following === null) {
        following = LaneFollower.open({
          library,
          properties: consumer,
          topic,
          signal: AbortSignal.any([signal, closing.signal]),
        });
        following.catch(() => {}); // awaited when it is needed
      }
      return lanes;
    },
    change: (decide, signal) =>
      store.change(decide, {
        force: true,
        ...(followed === undefined ? {} : { followed }),
        signal,
      }),
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
    async outputs(era, signal): Promise<OutputCounts> {
      // What is not found by then is done again: nothing is lost by that.
      const late = AbortSignal.timeout(OUTPUTS_MS);
      const either = AbortSignal.any([signal, late]);
      const problems: string[] = [];
      const map = await mapNow(signal);
      const topics = new Set(
        Array.from(map.partitions(), ({ topic }) => targetTopic(topic)),
      );
      const [targetTopicIds, { brokers, clusterId }] = await Promise.all([
        topicIdsNow(admin, [...topics], signal),
        askRepeatedly(
          () => admin.describeCluster({ timeoutMs: ATTEMPT_MS, signal }),
          REQUEST_MS,
          signal,
        ),
      ]);
      const finder = new OutputFinder({
        map,
        targetTopic,
        targetTopicIds,
        targetClusterId: clusterId ?? "",
      });
      const scan = async (): Promise<ScanReport> => {
        const [partitions, cuts] = await Promise.all([
          mirroredPartitions(admin, map, targetTopic, either),
          readCuts(reading, either),
        ]);
        return await scanOutputs({
          library,
          admin,
          consumer,
          partitions,
          store: cuts,
          finder,
          targetTopic,
          idleGroups: (each) => idleGroups(admin, each),
          async committedOf(group, each) {
            try {
              return await committedOf(admin, group, each);
            } catch (error) {
              each.throwIfAborted();
              if (!(error instanceof KafkaError)) throw error;
              problems.push(
                `where group ${group} stands is not known (${error.message})`,
              );
              // As if it began anew: what is there need not be sent again.
              return new Map();
            }
          },
          requestMs: REQUEST_MS,
        }, either);
      };
      const scanned = await patiently(scan, late, signal);
      if (typeof scanned === "string") {
        problems.push(`not all outputs that are there are known (${scanned})`);
      }
      const found = finder.found(era);
      const replicationFactor = Math.min(
        options.replicationFactor,
        brokers.length,
      );
      const parts = { ...reading, replicationFactor };
      try {
        await writeDone(parts, writing, found, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isOfCluster(error)) throw error;
        problems.push(
          `which outputs are there cannot be written down (${error.message})`,
        );
      }
      const { outputs, records, withoutCut } = typeof scanned === "string"
        ? NOTHING_SCANNED
        : scanned;
      const problem = problems.length === 0
        ? null
        : `results may come twice: ${problems.join("; ")}`;
      return {
        done: countOf(found.done),
        tail: countOf(found.tail),
        problem,
        detail: [
          `${outputs} outputs among ${records} records`,
          ...withoutCut.length === 0
            ? []
            : [`everything was read for ${withoutCut.join(", ")}`],
          ...finder.unknown === 0
            ? []
            : [`${finder.unknown} of inputs that are not known any more`],
          ...problem === null ? [] : [problem],
        ].join("; "),
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const NOTHING_SCANNED: ScanReport = { outputs: 0, records: 0, withoutCut: [] };

/**
 * Again while the cluster may come back; what was found before is found again.
 * @param late when the time is over
 * @returns a text: why it did not succeed.
 */
async function patiently(
  scan: () => Promise<ScanReport>,
  late: AbortSignal,
  signal: AbortSignal,
): Promise<ScanReport | string> {
  const beganMs = performance.now();
  for (;;) {
    try {
      return await scan();
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted) return `${OUTPUTS_MS / 1000} s were not enough`;
      if (!isOfCluster(error)) throw error;
      const isOver = error instanceof FailoverError ||
        performance.now() - beganMs > SCAN_AGAIN_MS;
      if (isOver) return error.message;
    }
    await pause(AGAIN_MS, AbortSignal.any([signal, late]));
  }
}

/** What the cluster that is promoted does not do, and may do later. */
const isOfCluster = (error: unknown): error is Error =>
  error instanceof KafkaError || error instanceof ReadError ||
  error instanceof FailoverError;

const countOf = (
  entries: readonly { readonly outputs: readonly DoneInput[] }[],
): number =>
  entries.flatMap(({ outputs }) => outputs)
    .reduce((sum, [, ...ordinals]) => sum + ordinals.length, 0);
