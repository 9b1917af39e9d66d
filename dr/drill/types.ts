/** What a drill is, and what comes of it; plain data. */
import type { ClusterName, DrState, Health, Phase } from "../state/types.ts";

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
  };

export type Step =
  & {
    readonly fault: Fault;
    /** Null: until the drill is over. */
    readonly lastsMs: number | null;
  }
  & (
    /** Since the load began. */
    | { readonly atMs: number }
    /** As soon as the state is in this phase. */
    | { readonly when: Phase }
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
  };
  /** Where more than `DEFAULT_OBJECTIVES` has to be allowed. */
  readonly maxRtoMs?: number;
  /**
   * For so long there is load: since it began, or, where a failover is
   * expected, since the first record on the new cluster.
   */
  readonly runsMs: number;
}

export interface Objectives {
  /** From the fault to the first output on the new cluster. */
  readonly maxRtoMs: number;
  /** From the first record that is missing there to the fault. */
  readonly maxRpoMs: number;
}

export const DEFAULT_OBJECTIVES: Objectives = {
  maxRtoMs: 5_000,
  maxRpoMs: 10_000,
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
  readonly id: number;
}

export interface SeenOutput extends Seen {
  readonly key: string;
  /** From 0, among those of its input. */
  readonly ordinal: number;
}

/** What read_committed readers see, by partition in the order of offsets. */
export interface Observed {
  readonly inputs: readonly Seen[];
  readonly outputs: readonly SeenOutput[];
}

/** What can be seen of the roles from outside. */
export interface View {
  /** Null: not known yet. */
  readonly health: Readonly<Record<ClusterName, Health>> | null;
  readonly state: Pick<DrState, "active" | "epoch" | "phase"> | null;
}

/** Where a drill takes place: two clusters, and everybody at work. */
export interface DrillWorld {
  readonly name: string;
  /** What it cannot show, a sentence each; as a user reads it. */
  readonly limits: readonly string[];
  /** Resolves when all roles work and both clusters are healthy. */
  ready(signal: AbortSignal): Promise<void>;
  begin(fault: Fault): void;
  end(fault: Fault): void;
  view(): View;
  /** Sends to the active cluster until it is stopped. */
  startLoad(load: Load, seed: number): void;
  /** @returns what was sent, once each has been answered or given up. */
  stopLoad(): Promise<readonly Sent[]>;
  /** Of all partitions of the output topic together; null: not known. */
  outputEnd(cluster: ClusterName, signal: AbortSignal): Promise<number | null>;
  observe(cluster: ClusterName, signal: AbortSignal): Promise<Observed>;
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
}

export interface DrillReport extends Moments, Counts {
  readonly scenario: string;
  readonly world: string;
  readonly seed: number;
  readonly active: ClusterName | null;
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
