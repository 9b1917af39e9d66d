/**
 * Sentinels, pools and two clusters in rounds of half a second, with everything
 * that can go wrong between them. What sentinels see and decide is the code under
 * test; the rest is as simple as it can be.
 */
import {
  HEALTH_DEFAULTS,
  type HealthHistory,
  healthOf,
  NO_HISTORY,
  observe,
} from "../../dr/health/hysteresis.ts";
import {
  decide,
  type Decision,
  mirrorLag,
  type SentinelPolicy,
} from "../../dr/sentinel/mod.ts";
import {
  type ClusterName,
  type DrState,
  type Health,
  other,
  type Phase,
  type StampedVote,
  type Vote,
} from "../../dr/state/types.ts";

export const ROUND_MS = 500;
const BEGAN_MS = 1_000_000;
/** Everybody votes every second, and sentinels at each change as well. */
const VOTE_ROUNDS = 2;

/** Over while it lasts in `on` of `on + off` rounds; off 0: all the time. */
export interface Fault {
  readonly from: number;
  readonly length: number;
  readonly on: number;
  readonly off: number;
  readonly what:
    | { readonly kind: "cluster"; readonly cluster: ClusterName }
    /** The way of one sentinel to one cluster. */
    | {
      readonly kind: "link";
      readonly sentinel: number;
      readonly cluster: ClusterName;
    }
    /** It forgets all it has seen. */
    | { readonly kind: "crash"; readonly sentinel: number }
    | { readonly kind: "mirror" };
}

export interface PoolStory {
  /** Whatever happens to the clusters: it finds a way that sentinels do not. */
  readonly alwaysProgresses: boolean;
  readonly delay: number;
}

export interface Story {
  readonly rounds: number;
  readonly policy: SentinelPolicy;
  /** Rounds until a vote of each sentinel is there; as many as there are. */
  readonly delays: readonly number[];
  readonly pools: readonly PoolStory[];
  readonly faults: readonly Fault[];
  /** How long a failed attempt takes: a killed cluster refuses, a hung one hangs. */
  readonly failingMs: number;
  /** Whether state and votes are out of reach while the secondary is. */
  readonly storeFails: boolean;
  /** Rounds of each phase of a switch. */
  readonly phaseRounds: number;
}

export interface Event {
  readonly round: number;
  readonly sentinel: number;
  readonly from: ClusterName;
  readonly decision: Exclude<Decision, { kind: "stay" }>;
}

interface Sentinel {
  readonly history: Record<ClusterName, HealthHistory>;
  /** By round; null: it did not run. */
  readonly saw: Record<ClusterName, (boolean | null)[]>;
  known: DrState;
  voted: string;
}

const CLUSTERS = ["primary", "secondary"] as const;
const SWITCHING: readonly Phase[] = ["fencing", "draining", "releasing"];

export class SentinelWorld {
  readonly events: Event[] = [];
  readonly sentinels: readonly Sentinel[];
  state: DrState = {
    epoch: 1,
    active: "primary",
    phase: "steady",
    sinceMs: BEGAN_MS,
    reason: "began",
    era: 0,
    lanes: 1,
  };
  readonly #story: Story;
  readonly #votes = new Map<string, StampedVote>();
  #underWay: { readonly arrives: number; readonly vote: Vote }[] = [];
  readonly #progressed: boolean[];
  #reachedMs: number | null = null;
  #phaseSince = 0;
  #round = 0;

  constructor(story: Story) {
    this.#story = story;
    this.#progressed = story.pools.map(() => false);
    this.sentinels = story.delays.map(() => ({
      history: { primary: BEGINNING, secondary: BEGINNING },
      saw: { primary: [], secondary: [] },
      known: this.state,
      voted: "",
    }));
  }

  get switches(): readonly Event[] {
    return this.events.filter(({ decision }) => decision.kind === "fail-over");
  }

  run(): this {
    for (; this.#round < this.#story.rounds; this.#round++) {
      this.#goOn();
      this.#mirror();
      this.sentinels.forEach((_, at) => this.#look(at));
      this.#arrive();
      this.#story.pools.forEach((pool, at) => this.#pool(pool, at));
      this.sentinels.forEach((_, at) => this.#vote(at));
      this.sentinels.forEach((_, at) => this.#decide(at));
    }
    return this;
  }

  /** Of a cluster, whoever looks at it. */
  isUp(cluster: ClusterName, round = this.#round): boolean {
    return !this.#isHit(
      round,
      ({ what }) => what.kind === "cluster" && what.cluster === cluster,
    );
  }

  get #nowMs(): number {
    return BEGAN_MS + this.#round * ROUND_MS;
  }

  #isHit(round: number, concerns: (fault: Fault) => boolean): boolean {
    return this.#story.faults.some((fault) => {
      const at = round - fault.from;
      return at >= 0 && at < fault.length &&
        at % (fault.on + fault.off) < fault.on && concerns(fault);
    });
  }

  #runs(sentinel: number): boolean {
    return !this.#isHit(
      this.#round,
      ({ what }) => what.kind === "crash" && what.sentinel === sentinel,
    );
  }

  #reaches(sentinel: number, cluster: ClusterName): boolean {
    return this.isUp(cluster) &&
      !this.#isHit(
        this.#round,
        ({ what }) =>
          what.kind === "link" && what.sentinel === sentinel &&
          what.cluster === cluster,
      );
  }

  #reachesStore(sentinel: number): boolean {
    return !this.#story.storeFails || this.#reaches(sentinel, "secondary");
  }

  /** A switch that was begun goes its way. */
  #goOn(): void {
    const { phaseRounds } = this.#story;
    const at = SWITCHING.indexOf(this.state.phase);
    if (at < 0 || this.#round - this.#phaseSince < phaseRounds) return;
    this.#write({ phase: SWITCHING[at + 1] ?? "steady" });
  }

  #write(changes: Partial<DrState>): void {
    const epoch = this.state.epoch + 1;
    this.state = { ...this.state, ...changes, epoch, sinceMs: this.#nowMs };
    this.#phaseSince = this.#round;
  }

  #mirror(): void {
    const stands = this.#isHit(
      this.#round,
      ({ what }) => what.kind === "mirror",
    );
    if (stands || !CLUSTERS.every((each) => this.isUp(each))) return;
    this.#reachedMs = this.#nowMs;
  }

  #look(at: number): void {
    const sentinel = this.sentinels[at]!;
    for (const cluster of CLUSTERS) {
      if (!this.#runs(at)) {
        sentinel.saw[cluster].push(null);
        sentinel.history[cluster] = BEGINNING;
        continue;
      }
      const reaches = this.#reaches(at, cluster);
      sentinel.saw[cluster].push(reaches);
      const tookMs = reaches ? 5 : this.#story.failingMs;
      // It is known at the end of an attempt, which is in this round.
      const times = { begunMs: this.#nowMs - tookMs, endedMs: this.#nowMs };
      for (const probe of ["brokers", "metadata"] as const) {
        sentinel.history[cluster] = observe(
          sentinel.history[cluster],
          probe,
          reaches
            ? { kind: "passed", remark: null, ...times }
            : { kind: "failed", why: "fault", ...times },
          HEALTH_DEFAULTS,
        );
      }
    }
  }

  #health(at: number): Record<ClusterName, Health> {
    const { history: { primary, secondary } } = this.sentinels[at]!;
    return {
      primary: healthOf(primary, this.#nowMs, HEALTH_DEFAULTS),
      secondary: healthOf(secondary, this.#nowMs, HEALTH_DEFAULTS),
    };
  }

  #vote(at: number): void {
    if (!this.#runs(at) || !this.#reachesStore(at)) return;
    const sentinel = this.sentinels[at]!;
    sentinel.known = this.state;
    const health = this.#health(at);
    const { epoch } = sentinel.known;
    const text = JSON.stringify([health, epoch]);
    if (text === sentinel.voted && this.#round % VOTE_ROUNDS !== 0) return;
    sentinel.voted = text;
    this.#send(this.#story.delays[at]!, {
      voter: `sentinel-${at}`,
      kind: "sentinel",
      epoch,
      health,
      isProgressing: false,
    });
  }

  #pool({ alwaysProgresses, delay }: PoolStory, at: number): void {
    this.#progressed[at] ||= alwaysProgresses || this.isUp(this.state.active);
    if (this.#round % VOTE_ROUNDS !== 0) return;
    if (this.#story.storeFails && !this.isUp("secondary")) return;
    this.#send(delay, {
      voter: `pool-${at}`,
      kind: "pool",
      epoch: this.state.epoch,
      health: { primary: "unknown", secondary: "unknown" },
      isProgressing: this.#progressed[at]!,
    });
    this.#progressed[at] = false;
  }

  #send(delay: number, vote: Vote): void {
    this.#underWay.push({ arrives: this.#round + delay, vote });
    if (delay === 0) this.#arrive();
  }

  /** Those that were written are there, whoever can read them. */
  #arrive(): void {
    const isThere = ({ arrives }: { arrives: number }) =>
      arrives <= this.#round;
    for (const { vote } of this.#underWay.filter(isThere)) {
      this.#votes.set(vote.voter, { ...vote, atMs: this.#nowMs });
    }
    this.#underWay = this.#underWay.filter((each) => !isThere(each));
  }

  /** As in the state's transaction: with the newest state, and one at a time. */
  #decide(at: number): void {
    if (!this.#runs(at) || !this.#reachesStore(at)) return;
    const { state } = this;
    const { passedMs } = this.sentinels[at]!.history[state.active].metadata;
    const decision = decide({
      state,
      votes: [...this.#votes.values()],
      health: this.#health(at),
      lagMs: mirrorLag({
        reachedMs: this.#reachedMs,
        answeredMs: passedMs,
        nowMs: this.#nowMs,
      }),
      nowMs: this.#nowMs,
    }, this.#story.policy);
    if (decision.kind === "stay") return;
    const { active } = state;
    this.events.push({
      round: this.#round,
      sentinel: at,
      from: active,
      decision,
    });
    if (decision.kind !== "fail-over") return;
    this.#write({
      active: other(active),
      phase: SWITCHING[0]!,
      era: state.era + 1,
      reason: decision.reason,
    });
  }
}

/** What a sentinel may not ask is left out; so it sees by two probes alone. */
const BEGINNING = (["partitions", "round-trip"] as const).reduce(
  (history, probe) =>
    observe(history, probe, {
      kind: "inconclusive",
      why: "not modelled",
      begunMs: BEGAN_MS,
      endedMs: BEGAN_MS,
    }, HEALTH_DEFAULTS),
  NO_HISTORY,
);
