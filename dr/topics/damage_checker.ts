/**
 * Asks the source whether its topics are still those that are mirrored, and
 * tells of each damage once: what it is, what is lost, what is done about it.
 * What to ask and why stands in `damage.ts`.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { pause } from "../waits.ts";
import {
  type Damage,
  type DamagePolicy,
  type DamageRule,
  type Evidence,
  type Identity,
  judge,
  type LogState,
  policyFor,
  type Recorded,
  type Remedy,
  remedyFor,
  type Verdict,
} from "./damage.ts";
import { partitionKey, type SourceAdmin, SourceView } from "./source_view.ts";

/** A topic as it was when its positions were recorded. */
export interface KnownTopic {
  readonly topic: string;
  readonly topicId: string;
}

export interface ChangedTopic extends KnownTopic {
  /** What is there instead of `topicId`. */
  readonly found: Identity;
}

/** A partition to be examined. */
export interface Examinee extends Recorded {
  readonly evidence?: Evidence | null;
}

/**
 * Whether a damage is believed of a partition that is read meanwhile: false
 * where it has moved, or where what is gone may be on its way to the target.
 */
export type Belief = (examinee: Examinee, damage: Damage) => boolean;

export type Finding =
  & { readonly tp: TopicPartition }
  & (
    | Exclude<Verdict, { kind: "damaged" }>
    | {
      readonly kind: "damaged";
      readonly damage: Damage;
      readonly remedy: Remedy;
    }
  );

/** For the status; the latest of each partition. */
export interface DamageReport extends TopicPartition {
  /** The topic that was mirrored, and up to where. */
  readonly topicId: string;
  readonly position: number;
  readonly damage: Damage;
  readonly policy: DamagePolicy;
  readonly remedy: Remedy;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export interface DamageCheckerOptions {
  /** Of the source. Stays the caller's. */
  readonly admin: SourceAdmin;
  readonly log: Log;
  /** The first that matches; topics without one `stop`. */
  readonly rules: readonly DamageRule[];
  /** For each request; default 10,000. */
  readonly timeoutMs?: number;
  /** How long a damage must last before it is believed; default 1,000. */
  readonly confirmAfterMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export class DamageChecker {
  readonly #options: DamageCheckerOptions;
  readonly #view: SourceView;
  /** By topic: ids that it had. A broker that still says so is behind. */
  readonly #formerIds = new Map<string, Set<string>>();
  readonly #reports = new Map<string, DamageReport>();
  /** By topic id and partition: of the newest leader that has answered. */
  readonly #leaderEpochs = new Map<string, number>();

  constructor(options: DamageCheckerOptions) {
    this.#options = options;
    this.#view = new SourceView(options.admin, options.timeoutMs ?? 10_000);
  }

  /** Damages found since the start, also those that were gone on from. */
  get reports(): readonly DamageReport[] {
    return [...this.#reports.values()];
  }

  /**
   * The topics that are not, or not surely, the known ones: what was read of
   * them since the last commit must not be committed. One request, shared with
   * others who ask meanwhile; it starts after the call.
   * @throws {KafkaError} when the source does not answer: nothing is known then.
   * @throws the signal's reason.
   */
  async verify(
    topics: readonly KnownTopic[],
    signal: AbortSignal,
  ): Promise<ChangedTopic[]> {
    if (topics.length === 0) return [];
    const names = topics.map(({ topic }) => topic);
    const found = await this.#view.identities(names, signal);
    return topics.flatMap((each) => {
      const identity = this.#identityOf(each, found);
      return isSame(each, identity) ? [] : [{ ...each, found: identity }];
    });
  }

  /**
   * Judges partitions by four requests, however many they are, and once more
   * after `confirmAfterMs` those that seem damaged: brokers may disagree for a
   * moment. A finding for each, in their order.
   * @param isBelieved asked after each look, of partitions that are read
   * meanwhile; what is not believed is `unknown`, and nobody is told.
   * @throws as `verify`.
   */
  async examine(
    partitions: readonly Examinee[],
    signal: AbortSignal,
    isBelieved: Belief = () => true,
  ): Promise<Finding[]> {
    if (partitions.length === 0) return [];
    const first = await this.#look(partitions, signal, isBelieved);
    const suspects = partitions.filter((_, at) => isDamaged(first[at]!));
    if (suspects.length === 0) return this.#findings(partitions, first);
    await pause(this.#options.confirmAfterMs ?? 1_000, signal);
    signal.throwIfAborted();
    const second = (await this.#look(suspects, signal, isBelieved)).values();
    const confirmed = first.map((verdict) =>
      isDamaged(verdict) ? agreed(verdict, second.next().value!) : verdict
    );
    return this.#findings(partitions, confirmed);
  }

  #identityOf(
    { topic }: KnownTopic,
    found: ReadonlyMap<string, Identity>,
  ): Identity {
    const identity = found.get(topic) ??
      { kind: "unknown", reason: "no answer for the topic" };
    const former = this.#formerIds.get(topic);
    if (identity.kind !== "present" || !former?.has(identity.topicId)) {
      return identity;
    }
    // Also where it is the one that the caller knows: it has been replaced.
    const reason = `a broker answered with the former id ${identity.topicId}`;
    return { kind: "unknown", reason };
  }

  /**
   * Identities once more after the offsets, which then belong to them and to no
   * later topic.
   */
  async #look(
    partitions: readonly Examinee[],
    signal: AbortSignal,
    isBelieved: Belief,
  ): Promise<Verdict[]> {
    const topics = new Set(partitions.map(({ topic }) => topic));
    const before = await this.#view.identities(topics, signal);
    const logs = await this.#view.logs(
      partitions.filter((each) => isSame(each, this.#identityOf(each, before))),
      signal,
    );
    const after = await this.#view.identities(topics, signal);
    return partitions.map((each) => {
      const identity = this.#identityOf(each, after);
      const log = isSame(each, identity)
        ? this.#newest(each, logs(each))
        : logs(each);
      const verdict = judge(each, { identity, log }, each.evidence);
      return verdict.kind === "damaged" && !isBelieved(each, verdict.damage)
        ? UNSETTLED
        : verdict;
    });
  }

  /** A leader that was replaced, and does not know, may have less than was read. */
  #newest({ topicId, partition }: Examinee, log: LogState): LogState {
    if (log.kind === "unknown" || log.leaderEpoch === null) return log;
    const key = `${topicId}/${partition}`;
    const newest = this.#leaderEpochs.get(key) ?? log.leaderEpoch;
    if (log.leaderEpoch < newest) return FORMER;
    this.#leaderEpochs.set(key, log.leaderEpoch);
    return log;
  }

  #findings(
    partitions: readonly Examinee[],
    verdicts: readonly Verdict[],
  ): Finding[] {
    this.#tellUnknown(partitions, verdicts);
    return partitions.map((each, at): Finding => {
      const { topic, partition } = each;
      const tp = { topic, partition };
      const verdict = verdicts[at]!;
      if (verdict.kind === "damaged") {
        const { damage } = verdict;
        return { tp, ...verdict, remedy: this.#report(each, damage) };
      }
      const stopped = this.#stoppedAt(each);
      if (stopped !== undefined) {
        // What was truncated may have grown again: that mends nothing.
        const { damage, remedy } = stopped;
        return { tp, kind: "damaged", damage, remedy };
      }
      return { tp, ...verdict };
    });
  }

  /** In one line: a broker that is down has many. */
  #tellUnknown(
    partitions: readonly Examinee[],
    verdicts: readonly Verdict[],
  ): void {
    const reasons = new Map<string, string>();
    for (const [at, each] of partitions.entries()) {
      const verdict = verdicts[at]!;
      if (verdict.kind !== "unknown" || verdict === UNSETTLED) continue;
      reasons.set(`${each.topic} [${each.partition}]`, verdict.reason);
    }
    if (reasons.size === 0) return;
    this.#options.log.warn("whether partitions are sound is not known", {
      count: reasons.size,
      partitions: Object.fromEntries([...reasons].slice(0, NAMED)),
    });
  }

  #stoppedAt(recorded: Recorded): DamageReport | undefined {
    const known = this.#reports.get(partitionKey(recorded));
    return known?.remedy.kind === "stop" && isAbout(known, recorded)
      ? known
      : undefined;
  }

  #report(recorded: Recorded, damage: Damage): Remedy {
    const { topic, partition, topicId, position } = recorded;
    if (damage.kind === "recreated") {
      const former = this.#formerIds.get(topic) ?? new Set();
      this.#formerIds.set(topic, former.add(topicId));
    }
    const { log, rules, now = Date.now } = this.#options;
    const policy = policyFor(topic, rules);
    const remedy = remedyFor(recorded, damage, policy);
    const key = partitionKey(recorded);
    const known = this.#reports.get(key);
    const isKnown = known !== undefined && isAbout(known, recorded) &&
      isSameDamage(known.damage, damage);
    this.#reports.set(key, {
      topic,
      partition,
      topicId,
      position,
      damage,
      policy,
      remedy,
      atMs: isKnown ? known.atMs : now(),
    });
    if (!isKnown) {
      log.error(`source partition ${EXPLAINED[damage.kind]}`, {
        topic,
        partition,
        topicId,
        position,
        damage,
        policy,
        remedy,
      });
    }
    return remedy;
  }
}

const EXPLAINED: Readonly<Record<Damage["kind"], string>> = {
  deleted: "was deleted with its topic",
  recreated: "belongs to a topic that was created anew",
  truncated: "was truncated below what is mirrored",
  uncleanElection: "has a new leader without all that is mirrored",
  overtaken: "lost records before they were mirrored",
};

/** Partitions that a line of the log names. */
const NAMED = 5;
const FORMER = { kind: "unknown", reason: "a former leader answered" } as const;
const UNSETTLED: Verdict = {
  kind: "unknown",
  reason: "it is read meanwhile",
};

const isSame = ({ topicId }: KnownTopic, identity: Identity): boolean =>
  identity.kind === "present" && identity.topicId === topicId;

const isDamaged = (verdict: Verdict) => verdict.kind === "damaged";

/** The later look, where it does not contradict the one before. */
function agreed(first: Verdict, second: Verdict): Verdict {
  if (first.kind !== "damaged" || second.kind !== "damaged") return second;
  return first.damage.kind === second.damage.kind
    ? second
    : { kind: "unknown", reason: "two looks differ" };
}

const isAbout = (report: DamageReport, { topicId, position }: Recorded) =>
  report.topicId === topicId && report.position === position;

/** While a log goes on after a damage, only the numbers change. */
const isSameDamage = (one: Damage, other: Damage): boolean =>
  one.kind === other.kind &&
  (one.kind !== "recreated" || other.kind !== "recreated" ||
    one.topicId === other.topicId);
