/** The leader with all its parts, from clients, names and formats. */
import type {
  Admin,
  ClientEvent,
  Library,
  Producer,
  ProducerProperties,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import {
  type CheckpointCodec,
  loadCheckpoints,
  type ReadTopic,
  writeCheckpoints,
} from "./checkpoints.ts";
import { cutsTopic } from "./cut_records.ts";
import { CutStore } from "./cut_store.ts";
import { after, ensureCompacted } from "./ensure_topics.ts";
import { beat, type Heartbeat } from "./heartbeats.ts";
import { GroupWriter } from "./group_writer.ts";
import { CheckpointHistory } from "./history.ts";
import { CutLeader, type SideWork } from "./leader.ts";
import { type OffsetSync, OffsetSyncs } from "./offset_syncs.ts";
import { reaching } from "./reaching.ts";
import { RecordWriter } from "./record_writer.ts";
import { Releaser } from "./release.ts";
import { sampleCut } from "./sampler.ts";
import { sourceCluster } from "./source_cluster.ts";
import { targetCluster } from "./target_cluster.ts";
import type { Entry, OutputsOf, Positions, Translation } from "./types.ts";

/** One of the two clusters. Its clients' events are served by their owner. */
export interface ClusterEnd {
  /** As records of MirrorMaker 2 name it. */
  readonly alias: string;
  /** Not closed here. */
  readonly admin: Admin;
  readonly producer: ProducerProperties;
  /** Of the mirror's own topics; null: the broker's default. */
  readonly replicationFactor: number | null;
}

export interface CutLeaderOptions {
  readonly library: Library;
  readonly source: ClusterEnd;
  readonly target: ClusterEnd;
  readonly isTopicMirrored: (topic: string) => boolean;
  readonly isGroupMirrored: (group: string) => boolean;
  /** The name on the target of a topic of the source. */
  readonly targetTopic: (topic: string) => string;
  readonly outputsOf: OutputsOf;
  readonly positions: Positions;
  readonly translation: Translation;
  /** See `OffsetSyncParts`. */
  readonly newest: () => Iterable<OffsetSync>;
  readonly formats: {
    readonly checkpoint: CheckpointCodec;
    readonly encodeHeartbeat: (heartbeat: Heartbeat) => Entry;
    readonly encodeOffsetSync: (sync: OffsetSync) => Entry;
  };
  readonly topics: {
    /** On the target. */
    readonly checkpoints: string;
    /** On both. */
    readonly heartbeats: string;
    /** On the target: see `Reach`. */
    readonly reached: string;
    /** Null: no offset syncs. */
    readonly offsetSyncs: {
      readonly topic: string;
      readonly location: "source" | "target";
    } | null;
  };
  /** Of the target. */
  readonly readTopic: ReadTopic;
  readonly setsGroupOffsets: boolean;
  /** On the target: see `GroupWriter`. */
  readonly groups: {
    readonly transactionalId: string;
    readonly expectOurs: (signal: AbortSignal) => Promise<void>;
  };
  readonly timings: CutTimings;
  readonly onProducerEvent: (event: ClientEvent, producer: Producer) => void;
  /** One was written on the target. Default: nobody wants to know. */
  readonly onHeartbeat?: (atMs: number) => void;
  /**
   * The target says that it has all that the source had then. Default: nobody
   * wants to know.
   */
  readonly onReached?: (atMs: number) => void;
  readonly log: Log;
}

/** All in ms. */
export interface CutTimings {
  /** From one cut to the next; at most so much is repeated after a failover. */
  readonly intervalMs: number;
  readonly checkMs: number;
  readonly lateMs: number;
  /** See `PendingOptions`. */
  readonly stallMs: number;
  /** See `ReleaserParts`. */
  readonly refreshMs: number;
  readonly heartbeatMs: number;
  /** Between two questions for the source's ends. */
  readonly reachMs: number;
  readonly offsetSyncMs: number;
  /** Of one question to a cluster, repeated attempts included. */
  readonly requestMs: number;
}

export const CUT_TIMINGS: CutTimings = {
  intervalMs: 1_000,
  checkMs: 100,
  lateMs: 60_000,
  stallMs: 60_000,
  refreshMs: 3_600_000,
  heartbeatMs: 1_000,
  reachMs: 1_000,
  offsetSyncMs: 10_000,
  requestMs: 10_000,
};

/** Begins at once, and owns the producers that it makes. */
export function openCutLeader(options: CutLeaderOptions): AsyncDisposable & {
  readonly leader: CutLeader;
} {
  const { library, log, onProducerEvent, source, target, timings } = options;
  const writerOf = ({ producer: properties }: ClusterEnd) =>
    new RecordWriter({ library, properties, onEvent: onProducerEvent });
  const writers = { source: writerOf(source), target: writerOf(target) };
  const groups = new GroupWriter({
    ...options.groups,
    library,
    properties: target.producer,
    onEvent: onProducerEvent,
  });
  const leader = new CutLeader({
    ...timings,
    ...cutParts(options, writers.target, groups),
    outputsOf: options.outputsOf,
    positions: options.positions,
    beside: sideWorks(options, writers),
    log,
  });
  return {
    leader,
    async [Symbol.asyncDispose]() {
      await leader[Symbol.asyncDispose]();
      await Promise.all([
        writers.source[Symbol.asyncDispose](),
        writers.target[Symbol.asyncDispose](),
        groups[Symbol.asyncDispose](),
      ]);
    },
  };
}

/** Cuts, and what is written for their groups on the target. */
function cutParts(
  options: CutLeaderOptions,
  writer: RecordWriter,
  groups: GroupWriter,
) {
  const { source, target, timings, topics } = options;
  const timeoutMs = timings.requestMs;
  const history = new CheckpointHistory();
  const cuts = cutsTopic(source.alias);
  const store = new CutStore(cuts);
  const checkpoints = {
    topic: topics.checkpoints,
    codec: options.formats.checkpoint,
    writer,
  };
  const cluster = sourceCluster({ ...options, admin: source.admin, timeoutMs });
  const releaser = new Releaser({
    ...options,
    ...timings,
    target: targetCluster({ admin: target.admin, writer: groups, timeoutMs }),
    history,
    store,
    writeCheckpoints: (each, signal) =>
      writeCheckpoints(checkpoints, each, signal),
    writeCuts: (records, signal) => writer.write(records, signal),
  });
  return {
    async prepare(signal: AbortSignal) {
      const own = { ...target, topics: [topics.checkpoints, cuts], timeoutMs };
      await ensureCompacted(own, signal);
      const { log, readTopic } = options;
      const unreadable = await loadCheckpoints(
        checkpoints,
        readTopic,
        history,
        signal,
      );
      if (unreadable > 0) {
        log.warn("records are no checkpoints", { unreadable });
      }
      const decoder = new TextDecoder();
      const text = (bytes: Uint8Array | null) => bytes && decoder.decode(bytes);
      for await (const { key, value } of readTopic(cuts, signal)) {
        store.read(text(key), text(value));
      }
    },
    sample: (signal: AbortSignal) => sampleCut(cluster, Date.now, signal),
    release: (...[cut, groups, signal]: Parameters<ReleaseCall>) =>
      releaser.release(cut, groups, performance.now(), signal),
  };
}

type ReleaseCall = ConstructorParameters<typeof CutLeader>[0]["release"];

/**
 * Each makes its own topic first, so that a source that may only be read stops
 * nothing but what is written there.
 */
function sideWorks(
  options: CutLeaderOptions,
  writers: Readonly<Record<"source" | "target", RecordWriter>>,
): SideWork[] {
  const { formats, newest, timings, topics } = options;
  const timeoutMs = timings.requestMs;
  const withTopic = (
    location: "source" | "target",
    topic: string,
    work: SideWork["work"],
  ) => {
    const what = { ...options[location], topics: [topic], timeoutMs };
    return after((signal) => ensureCompacted(what, signal), work);
  };
  const heartbeats = (
    location: "source" | "target",
    from: ClusterEnd,
  ): SideWork => {
    const parts = {
      source: from.alias,
      target: options[location].alias,
      topic: topics.heartbeats,
      encode: formats.encodeHeartbeat,
      writer: writers[location],
      now: Date.now,
    };
    return {
      what: `writing heartbeats to the ${location}`,
      everyMs: timings.heartbeatMs,
      work: withTopic(location, parts.topic, async (signal) => {
        await beat(parts, signal);
        if (location === "target") options.onHeartbeat?.(Date.now());
      }),
    };
  };
  const works = [
    heartbeats("target", options.source),
    heartbeats("source", options.target),
    {
      what: "finding out how far the target is behind",
      everyMs: timings.reachMs,
      work: withTopic(
        "target",
        topics.reached,
        reaching(options, writers.target),
      ),
    },
  ];
  if (topics.offsetSyncs === null) return works;
  const { location, topic } = topics.offsetSyncs;
  const syncs = new OffsetSyncs({
    topic,
    encode: formats.encodeOffsetSync,
    writer: writers[location],
    newest,
  });
  return [...works, {
    what: "writing offset syncs",
    everyMs: timings.offsetSyncMs,
    work: withTopic(location, topic, (signal) => syncs.emit(signal)),
  }];
}
