/** What a drill is, and what comes of it; plain data. */
import type { ClusterName, DrState, Health, Phase } from "../state/types.ts";

/** Who works on the clusters in a drill; the sentinel fails over, too. */
export type RoleName = "mirror" | "pool" | "sentinel";
/** Whoever has links to the clusters. */
export type Party = RoleName | "load";

export type Fault =
  /** Its brokers refuse and break connections. */
  | { readonly kind: "kill"; readonly cluster: ClusterName }
  /** Its brokers take requests and answer none. */
  | { readonly kind: "hang"; readonly cluster: ClusterName }
  /** Its brokers answer so much later. */
  | {
    readonly kind: "slow";
    readonly cluster: ClusterName;
    readonly delayMs: number;
  }
  /** Nothing passes between these and the cluster, which lives on. */
  | {
    readonly kind: "cut";
    readonly cluster: ClusterName;
    readonly from: readonly Party[];
  }
  /**
   * The process is killed (SIGKILL), and started again when this ends; of mirrors
   * also the one that an operator has started.
   */
  | { readonly kind: "crash"; readonly role: RoleName }
  /** The process stands still (SIGSTOP), and goes on when this ends. */
  | { readonly kind: "freeze"; readonly role: RoleName };

/**
 * As soon as the state says so; `promoted`: the secondary has become active;
 * `draining-home`: as `draining`, of the switch home.
 */
export type Turn = Phase | "promoted" | "draining-home";

/** What an operator types, behind `deno task`. */
export type Command =
  | "failover --planned"
  | "failback --switch"
  /** Goes on until the drill is over; the step is over when it has begun. */
  | "mirror --from secondary";

export interface FaultStep {
  readonly fault: Fault;
  /** In ms, or until a turn; null: until the drill is over. */
  readonly lasts: number | Turn | null;
}

/** Is over when the command has ended, which must be well. */
export interface CommandStep {
  readonly command: Command;
}

export type Step =
  & (FaultStep | CommandStep)
  & (
    /** Since the load began. */
    | { readonly atMs: number }
    /** So long after the turn; of a scenario: up to so long, by the seed. */
    | { readonly when: Turn; readonly afterMs: number }
  );

export interface Load {
  readonly perSecond: number;
  /** Different keys of records. */
  readonly keys: number;
}

export interface Scenario {
  readonly name: string;
  /** As a user reads it. */
  readonly describes: string;
  readonly load: Load;
  readonly steps: readonly Step[];
  readonly expects: {
    /** Where everybody works in the end. */
    readonly active: ClusterName;
    /** Of planned ones: where the load moves, one after the other. */
    readonly switches?: readonly ClusterName[];
  };
  /** Why embedded clusters cannot show it, as a user reads it. */
  readonly needsKafka?: string;
  /** Where more than `DEFAULT_OBJECTIVES` has to be allowed. */
  readonly maxRtoMs?: number;
  /** For so long there is load after the last step and the first record. */
  readonly runsMs: number;
}

export interface Objectives {
  /**
   * From the fault to the first output on the new cluster; of planned switches:
   * for how long one may keep the load waiting.
   */
  readonly maxRtoMs: number;
  /** From the first record that is missing there to the fault. */
  readonly maxRpoMs: number;
}

/** A mirror that keeps up is less than a second behind. */
export const DEFAULT_OBJECTIVES: Objectives = {
  maxRtoMs: 5_000,
  maxRpoMs: 2_000,
};

/** A record that the load has sent. */
export interface Sent {
  /** Unique; by it an output says whose it is. */
  readonly id: number;
  readonly key: string;
  /** How many outputs it demands. */
  readonly outputs: number;
  readonly cluster: ClusterName;
  readonly sentMs: number;
  /** When the cluster acknowledged it; null: it has not. */
  readonly acknowledgedMs: number | null;
}

/** A record as it lies in a topic, in the order of its partition. */
export interface Seen {
  readonly partition: number;
  readonly offset: number;
  readonly id: number;
  readonly key: string | null;
  readonly value: string | null;
  /** The same for the same key, value, headers and timestamp. */
  readonly digest: string;
}

export interface SeenOutput extends Seen {
  /** From 0, among those of its input. */
  readonly ordinal: number;
  /** When the pool wrote it. */
  readonly writtenMs: number;
  /** What its header says of its input; null: it says nothing that is one. */
  readonly claim: Claim | null;
}

/** Where an output says that its input lies. */
export interface Claim {
  readonly clusterId: string;
  readonly partition: number;
  readonly offset: number;
  readonly ordinal: number;
}

/** What read_committed readers see, by partition in the order of offsets. */
export interface Observed {
  /** As the cluster calls itself; null: it does not say. */
  readonly clusterId: string | null;
  readonly inputs: readonly Seen[];
  readonly outputs: readonly SeenOutput[];
}

/** What can be seen of the roles from outside. */
export interface View {
  /** Null: not known yet. */
  readonly health: Readonly<Record<ClusterName, Health>> | null;
  readonly state: Pick<DrState, "active" | "epoch" | "phase"> | null;
}

/**
 * A transaction of the pool that was aborted, where the cluster shows its records
 * all the same.
 */
export interface ShownAbort {
  readonly cluster: ClusterName;
  /** Its records are not newer. */
  readonly atMs: number;
  /** By partition of the input topic: from here on nothing was committed. */
  readonly from: Readonly<Record<number, number>>;
}

/** Offsets of the input topic of the cluster that was left, end exclusive. */
export interface TailRange {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

/** Where a drill takes place: two clusters, and everybody at work. */
export interface DrillWorld {
  readonly name: string;
  /** What it cannot show, a sentence each; as a user reads it. */
  readonly limits: readonly string[];
  /** Resolves when all roles work and both clusters are healthy. */
  ready(signal: AbortSignal): Promise<void>;
  /** What `ready` still waits for, as a user reads it. */
  waitingFor(): readonly string[];
  begin(fault: Fault): void;
  end(fault: Fault): void;
  /**
   * Resolves when the step is over.
   * @throws {DrillError} with what the command said, where it failed; the
   * signal's reason.
   */
  run(command: Command, signal: AbortSignal): Promise<void>;
  view(): View;
  /** Sends to the active cluster until it is stopped. */
  startLoad(load: Load, seed: number): void;
  /** @returns what was sent, once each has been answered or given up. */
  stopLoad(): Promise<readonly Sent[]>;
  /**
   * Up to where read_committed readers see the output topic, all partitions
   * together; null: not known.
   */
  outputEnd(cluster: ClusterName, signal: AbortSignal): Promise<number | null>;
  observe(cluster: ClusterName, signal: AbortSignal): Promise<Observed>;
  /**
   * What a way back would find of the cluster that was left, once that is there
   * again; null: it cannot be asked here.
   */
  tail(signal: AbortSignal): Promise<readonly TailRange[] | null>;
  /** Of embedded clusters; real ones show none. */
  shownAborts(): readonly ShownAbort[];
  /** Resolves with the reason when a role cannot go on. */
  readonly failed: Promise<string>;
}

/** Milliseconds since the first fault; null: it has not come to that. */
export interface Moments {
  /** The sentinel said that the cluster is down. */
  readonly detectMs: number | null;
  /** The state said that a failover had begun. */
  readonly decideMs: number | null;
  /** The state said that the other cluster is active. */
  readonly promoteMs: number | null;
  /** The first output of the pool was on the new cluster. */
  readonly firstRecordMs: number | null;
}

/** Records, counted. */
export interface Counts {
  /** Inputs that were sent, and those that were acknowledged. */
  readonly sent: number;
  readonly acknowledged: number;
  /** Inputs that were acknowledged when all faults were over. */
  readonly afterwards: number;
  /** Outputs on the cluster that is active in the end. */
  readonly outputs: number;
  /** Outputs that its inputs demand and that are not there. */
  readonly lost: number;
  /** Outputs that are there once too often. */
  readonly repeated: number;
  /** Outputs that come before those of an earlier input of their key. */
  readonly reordered: number;
  /** Acknowledged inputs that only the cluster that was left has. */
  readonly tail: number;
  /** Inputs of the primary that the mirror has not brought over. */
  readonly behind: number;
}

/** The load has moved from one cluster to the other. */
export interface SwitchGap {
  readonly to: ClusterName;
  /** For so long no input was acknowledged, in ms. */
  readonly inputsMs: number;
  /** For so long no output was written; null: it is not known. */
  readonly outputsMs: number | null;
}

export interface DrillReport extends Moments, Counts {
  readonly scenario: string;
  readonly world: string;
  readonly seed: number;
  readonly active: ClusterName | null;
  readonly switches: readonly SwitchGap[];
  /** How much older than the fault the oldest input of the tail is. */
  readonly rpoMs: number;
  /** How long the drill took, in ms. */
  readonly tookMs: number;
  readonly limits: readonly string[];
  /** What was promised and is not so; empty where all is well. */
  readonly violations: readonly string[];
  readonly objectives: Objectives;
  /** No violations, and the objectives. */
  readonly met: boolean;
}
