/**
 * What one mirror does for all: whoever has lane 0 samples cuts, releases group
 * positions and writes MirrorMaker 2's records. It knows how far all lanes are
 * from their logs alone.
 *
 * When the target is promoted, which the logs say first, it stops: positions of
 * groups belong to those who work there then. What it had under way is fenced
 * (`dr/cut/group_writer.ts`), and of no harm if it came before: a position that
 * is released says that all its group had caused below it is there.
 */
import {
  type Admin,
  type ClientEvent,
  KafkaError,
  type Library,
  type Producer,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { type Log, logClientLine } from "../../src/telemetry/log.ts";
import {
  type CutLeader,
  type CutTimings,
  offsetIn,
  openCutLeader,
} from "../cut/mod.ts";
import {
  checkpointTopic,
  decodeCheckpoint,
  encodeCheckpoint,
  encodeHeartbeat,
  encodeOffsetSync,
  type Flow,
  lanesTopic,
  reachedTopic,
  type ReplicationPolicy,
} from "../formats/mod.ts";
import { LaneFollower } from "../offset_map/mod.ts";
import { groupsTransactionalId } from "./names.ts";
import { pause, unlessAborted } from "../waits.ts";
import { readRecords } from "./lane_state.ts";
import type { ClusterClients } from "../clusters.ts";
import { newestOf } from "./newest.ts";

export interface LeaderOptions {
  readonly library: Library;
  readonly flow: Flow;
  /** What it does ends when a lane's log has a later one. */
  readonly era: number;
  readonly source: ClusterClients;
  readonly target: ClusterClients;
  readonly sourceAdmin: Admin;
  readonly targetAdmin: Admin;
  readonly policy: ReplicationPolicy;
  readonly isTopicMirrored: (topic: string) => boolean;
  readonly isGroupMirrored: (group: string) => boolean;
  /** Why nothing more of a partition is mirrored; null: it is. */
  readonly stopped: (tp: TopicPartition) => string | null;
  /** Whether groups on the target get the positions, besides checkpoints. */
  readonly setsGroupOffsets: boolean;
  readonly replicationFactor: number;
  readonly timings: CutTimings;
  readonly log: Log;
}

/** When a leader did last what it does for all; ms since the epoch. */
export interface Led {
  /** It released positions of groups; before the first time: it began. */
  readonly releasedAtMs: number;
  /** It wrote a heartbeat on the target; before the first time: it began. */
  readonly heartbeatAtMs: number;
  /**
   * The target has all that the source had then; before that is known: it began.
   */
  readonly reachedAtMs: number;
}

const AGAIN_MS = 5000;

class EraEndedError extends Error {
  override readonly name = "EraEndedError";
}

export class Leader implements AsyncDisposable {
  readonly #options: LeaderOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #cuts: CutLeader | null = null;
  #releasedAtMs = Date.now();
  #heartbeatAtMs = Date.now();
  #reachedAtMs = Date.now();

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Of all groups' positions in a source partition; null: not known. */
  lowest(tp: TopicPartition): number | null {
    const table = this.#cuts?.lowest ?? null;
    return table === null ? null : offsetIn(table, tp);
  }

  get led(): Led {
    const releasedAtMs = this.#cuts?.status.releasedAtMs ?? 0;
    return {
      releasedAtMs: Math.max(this.#releasedAtMs, releasedAtMs),
      heartbeatAtMs: this.#heartbeatAtMs,
      reachedAtMs: this.#reachedAtMs,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("the leader stops", "AbortError"));
    await this.#running;
  }

  /** However often something fails: a mirror without a leader still mirrors. */
  async #run(): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#lead(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof EraEndedError) {
          log.info("group positions are released no more", {
            reason: error.message,
          });
          return;
        }
        log.warn("group positions are not released for now", { error });
        await pause(AGAIN_MS, signal);
      }
    }
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { flow, library, log, policy, target, targetAdmin, timings } = this
      .#options;
    await using follower = await LaneFollower.open({
      library,
      properties: target.consumer,
      topic: lanesTopic(flow.source),
      signal,
    });
    const { map } = follower;
    const expectOurs = async (signal: AbortSignal) => {
      await follower.load(signal);
      this.#expectEra(follower.era);
    };
    await expectOurs(signal);
    // Of the cuts before.
    this.#releasedAtMs = this.led.releasedAtMs;
    await using opened = openCutLeader({
      ...this.#options,
      ...this.#ends(),
      targetTopic: (topic) => checkpointTopic(policy, flow, topic),
      groups: { transactionalId: groupsTransactionalId(flow), expectOurs },
      outputsOf: () => null,
      positions: {
        position: (tp) => map.position(tp)?.position ?? null,
        stopped: this.#options.stopped,
      },
      translation: map,
      newest: () => newestOf(map),
      formats: {
        checkpoint: { encode: encodeCheckpoint, decode: decodeCheckpoint },
        encodeHeartbeat,
        encodeOffsetSync,
      },
      topics: {
        checkpoints: policy.checkpointsTopic(flow.source),
        heartbeats: policy.heartbeatsTopic,
        reached: reachedTopic(flow.source),
        offsetSyncs: {
          topic: policy.offsetSyncsTopic(flow.target),
          location: "source",
        },
      },
      readTopic: (topic, each) =>
        readRecords(
          { library, flow, consumer: target.consumer, admin: targetAdmin },
          topic,
          undefined,
          each,
        ),
      timings,
      onProducerEvent: (event, producer) => onEvent(event, producer, log),
      onHeartbeat: (atMs) => void (this.#heartbeatAtMs = atMs),
      onReached: (atMs) => void (this.#reachedAtMs = atMs),
      log,
    });
    this.#cuts = opened.leader;
    await Promise.race([
      unlessAborted(opened.leader.ended, signal),
      follower.follow(signal, () => follower.era > this.#options.era),
    ]);
    this.#expectEra(follower.era);
  }

  /** @throws {EraEndedError} */
  #expectEra(newest: number): void {
    const { era } = this.#options;
    if (newest <= era) return;
    throw new EraEndedError(`era ${newest} has begun after era ${era}`);
  }

  #ends() {
    const {
      flow,
      replicationFactor,
      source,
      sourceAdmin,
      target,
      targetAdmin,
    } = this.#options;
    return {
      source: {
        alias: flow.source,
        admin: sourceAdmin,
        producer: source.producer,
        replicationFactor: null,
      },
      target: {
        alias: flow.target,
        admin: targetAdmin,
        producer: target.producer,
        replicationFactor,
      },
    };
  }
}

function onEvent(event: ClientEvent, producer: Producer, log: Log): void {
  if (event.kind === "log") logClientLine(log, event.log);
  else if (event.kind === "tokenRefresh") {
    producer.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
  } else if (event.kind === "error" && event.error instanceof KafkaError) {
    log.warn("Kafka", { error: event.error.message });
  }
}
