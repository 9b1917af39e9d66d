/** What a mirror shows of itself; plain data. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { DamageReport } from "../topics/mod.ts";
import type { Flow } from "../formats/mod.ts";
import type { Duty } from "./duty.ts";
import type { Lane, LaneStatus } from "./lane.ts";
import type { Led } from "./leader.ts";
import { added, type Mirrored } from "./mirrored.ts";

export type MirrorPhase =
  | "starting"
  | "running"
  /** It runs, and has nothing to mirror: see `idle`. */
  | "idle"
  | "failing"
  | "draining"
  | "stopped";

export interface MirrorStatus {
  readonly role: "mirror";
  readonly source: string;
  readonly target: string;
  readonly phase: MirrorPhase;
  /** Why it is failing. */
  readonly failure?: string | undefined;
  /** Why nothing is mirrored; null: something is. */
  readonly idle: string | null;
  /** Of what is mirrored; null while nothing is. */
  readonly era: number | null;
  /** Those at which this process works. */
  readonly lanes: readonly {
    readonly lane: number;
    readonly state: LaneStatus;
    readonly partitions: readonly (TopicPartition & {
      /** The next offset to be read. */
      readonly position: number;
      /** A damaged one is not. */
      readonly isMirrored: boolean;
    })[];
  }[];
  /** Since the process started. */
  readonly totals: { readonly mirrored: number; readonly bytes: number };
  readonly lag: {
    /** Offsets between the positions and the ends that fetches told, of its own. */
    readonly records: number;
    /**
     * Since the target had all that the source had, of all lanes of all
     * processes; null: this one does not lead.
     */
    readonly ageMs: number | null;
  };
  /** Of what one mirror does for all; null: it is not this one. */
  readonly leads: {
    /** Since positions of groups were released on the target. */
    readonly checkpointAgeMs: number;
    /** Since a heartbeat was written there. */
    readonly heartbeatAgeMs: number;
  } | null;
  readonly damage: readonly DamageReport[];
  readonly topics: number;
}

export interface StatusParts {
  readonly flow: Flow;
  readonly phase: MirrorPhase;
  readonly duty: Duty;
  readonly failure: string | undefined;
  readonly lanes: readonly Pick<
    Lane,
    "mirrored" | "number" | "partitions" | "status"
  >[];
  /** By lanes that this process has no more. */
  readonly gone: Mirrored;
  /** The high watermark that the last fetch told; null: none yet. */
  readonly endOf: (tp: TopicPartition) => number | null;
  readonly led: Led | null;
  readonly damage: readonly DamageReport[];
  readonly topics: number;
  readonly nowMs: number;
}

export function mirrorStatus(parts: StatusParts): MirrorStatus {
  const { damage, duty, endOf, failure, flow, gone, lanes, phase, topics } =
    parts;
  const { led, nowMs } = parts;
  const total = lanes.reduce((sum, each) => added(sum, each.mirrored), gone);
  const records = lanes.flatMap(({ partitions }) => partitions)
    .reduce(
      (sum, { tp, next }) => sum + Math.max(0, (endOf(tp) ?? next) - next),
      0,
    );
  return {
    role: "mirror",
    ...flow,
    phase: phase === "running" && duty.kind === "idle" ? "idle" : phase,
    failure,
    idle: duty.kind === "idle" ? duty.reason : null,
    era: duty.kind === "mirror" ? duty.era : null,
    lanes: lanes.map(({ number, partitions, status }) => ({
      lane: number,
      state: status,
      partitions: partitions.map(({ tp, next, isOpen }) => ({
        ...tp,
        position: next,
        isMirrored: isOpen,
      })),
    })),
    totals: { mirrored: total.records, bytes: total.bytes },
    lag: {
      records,
      ageMs: led === null ? null : Math.max(0, nowMs - led.reachedAtMs),
    },
    leads: led === null ? null : {
      checkpointAgeMs: Math.max(0, nowMs - led.releasedAtMs),
      heartbeatAgeMs: Math.max(0, nowMs - led.heartbeatAtMs),
    },
    damage,
    topics,
  };
}
