/** Keeps the target's topics in step with the source's: reads, plans, performs. */
import {
  type Admin,
  type ConfigEntry,
  isTopicExisting,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import {
  type PlanOptions,
  planTopics,
  type TopicPlan,
  type TopicProblem,
} from "./plan.ts";
import { perform, type Performed } from "./topic_changes.ts";
import { type Reading, TopicReader } from "./topic_reader.ts";

const BATCH_LIMIT = "max.message.bytes";

/** A topic that is there on both sides. */
export interface MirroredTopic {
  readonly topic: string;
  /** Of the source; as Kafka prints it. */
  readonly topicId: string;
  readonly target: string;
  /** Partitions from 0 on that both have. */
  readonly partitions: number;
}

export interface TopicSyncOptions extends PlanOptions {
  /** Both stay the caller's. */
  readonly source: Admin;
  readonly target: Admin;
  readonly log: Log;
  /** For each request; default 30,000. */
  readonly timeoutMs?: number;
  /**
   * Settings of topics that are there already are compared no more often than
   * this; default 0: in each refresh.
   */
  readonly configsEveryMs?: number;
  /** Milliseconds, never going back; for `configsEveryMs`. */
  readonly now?: () => number;
}

/** A plan, and the targets that were there before it. */
interface Outlook {
  readonly plan: TopicPlan;
  /** By target: its partitions. */
  readonly present: ReadonlyMap<string, number>;
  readonly problems: readonly TopicProblem[];
}

export class TopicSync {
  readonly #options: TopicSyncOptions;
  readonly #timeoutMs: number;
  readonly #source: TopicReader;
  readonly #target: TopicReader;
  /** By target: `max.message.bytes`, as it was read or set last. */
  readonly #batchLimits = new Map<string, number>();
  #problems: readonly TopicProblem[] = [];
  #topics: readonly MirroredTopic[] = [];
  #configsAt = -Infinity;

  constructor(options: TopicSyncOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#source = new TopicReader(options.source, this.#timeoutMs);
    this.#target = new TopicReader(options.target, this.#timeoutMs);
  }

  /** What the last refresh met. */
  get problems(): readonly TopicProblem[] {
    return this.#problems;
  }

  /** The largest batch that a target takes, in bytes; null: not known yet. */
  batchLimitOf(target: string): number | null {
    return this.#batchLimits.get(target) ?? null;
  }

  /**
   * Changes on the target what is missing there, and answers with what can be
   * mirrored. What fails for one topic is a problem of that topic, which the
   * next refresh tries again. Not to be called while it runs.
   * @throws {KafkaError} when a cluster does not answer at all.
   * @throws the signal's reason.
   */
  async refresh(signal: AbortSignal): Promise<MirroredTopic[]> {
    const outlook = await this.#look(signal);
    const { target } = this.#options;
    const { plan } = outlook;
    const performed = await perform(target, plan, this.#timeoutMs, signal);
    this.#noteLimits(performed);
    const sources = new Map(
      plan.topics.map((each) => [each.target, each.topic]),
    );
    this.#tellChanges(performed, sources);
    const failed = performed.flatMap((each) => problemOf(each, sources));
    this.#tellProblems([...outlook.problems, ...plan.problems, ...failed]);
    const topics = [
      ...mirroredOf(outlook, performed),
      ...this.#unseen(performed),
    ];
    this.#tellGone(topics);
    return topics;
  }

  /** Brokers may be slow to show what was made by the last refresh. */
  #unseen(performed: readonly Performed[]): MirroredTopic[] {
    const existing = new Set(
      performed.filter(({ doing, error }) =>
        doing === "create" && error !== null && isTopicExisting(error.code)
      ).map(({ target }) => target),
    );
    return this.#topics.filter(({ target }) => existing.has(target));
  }

  async #look(signal: AbortSignal): Promise<Outlook> {
    const { isMirrored, targetTopic, configsEveryMs = 0 } = this.#options;
    const now = (this.#options.now ?? (() => performance.now()))();
    const isDue = now - this.#configsAt >= configsEveryMs;
    const names = (await this.#source.names(signal)).filter(isMirrored);
    const sources = await this.#source.summaries(names, signal);
    const targets = await this.#target.summaries(
      [...new Set([...sources.found.keys()].map(targetTopic))],
      signal,
    );
    const isAsked = (topic: string) =>
      isDue || !targets.found.has(targetTopic(topic));
    const sourceConfigs = await this.#source.configs(
      [...sources.found.keys()].filter(isAsked),
      signal,
    );
    const targetConfigs = await this.#target.configs(
      isDue ? [...targets.found.keys()] : [],
      signal,
    );
    const brokers = await this.#target.brokers(signal);
    if (isDue) this.#configsAt = now;
    for (const [target, entries] of targetConfigs.found) {
      this.#noteLimit(
        target,
        entries.find(({ name }) => name === BATCH_LIMIT)?.value,
      );
    }
    const known = [...sources.found.values()]
      // Whether such a target exists is not known.
      .filter(({ topic }) => !targets.failed.has(targetTopic(topic)));
    return {
      plan: planTopics(
        withConfigs(known, sourceConfigs.found),
        withConfigs([...targets.found.values()], targetConfigs.found),
        brokers,
        this.#options,
      ),
      present: new Map(
        targets.found.values().map((each) => [each.topic, each.partitions]),
      ),
      problems: this.#unread(names, [sources, sourceConfigs], [
        targets,
        targetConfigs,
      ]),
    };
  }

  #noteLimits(performed: readonly Performed[]): void {
    for (const { doing, change, target, error } of performed) {
      if (error !== null) continue;
      if (doing === "create") {
        this.#noteLimit(target, change.config[BATCH_LIMIT]);
      } else if (doing === "alter") {
        const altered = change.changes.find(({ name }) => name === BATCH_LIMIT);
        if (altered?.operation === "set") {
          this.#noteLimit(target, altered.value);
        }
      }
    }
  }

  #noteLimit(target: string, value: string | null | undefined): void {
    if (value != null) this.#batchLimits.set(target, Number(value));
  }

  /** What could not be read, of each topic that it concerns. */
  #unread(
    topics: readonly string[],
    ofSource: readonly Reading<unknown>[],
    ofTarget: readonly Reading<unknown>[],
  ): TopicProblem[] {
    return topics.flatMap((topic) => {
      const target = this.#options.targetTopic(topic);
      return [
        ...ofSource.map(({ failed }) => failed.get(topic)),
        ...ofTarget.map(({ failed }) => failed.get(target)),
      ].filter((error) => error !== undefined).map((error): TopicProblem => ({
        topic,
        target,
        kind: "failed",
        doing: "describe",
        error,
      }));
    });
  }

  #tellChanges(
    performed: readonly Performed[],
    sources: ReadonlyMap<string, string>,
  ): void {
    const { log } = this.#options;
    for (const each of performed) {
      if (each.error !== null) continue;
      const names = { topic: sources.get(each.target), target: each.target };
      switch (each.doing) {
        case "create": {
          const { partitions, replicationFactor, config } = each.change;
          const fields = { partitions, replicationFactor, config };
          log.info("target topic created", { ...names, ...fields });
          break;
        }
        case "grow": {
          const { partitions } = each.change;
          log.info("target topic grown", { ...names, partitions });
          break;
        }
        case "alter": {
          const { changes } = each.change;
          log.info("settings of a target topic changed", { ...names, changes });
          break;
        }
      }
    }
  }

  /** Those that the refresh before did not meet. */
  #tellProblems(problems: readonly TopicProblem[]): void {
    const told = new Set(this.#problems.map(keyOf));
    for (const problem of problems) {
      if (told.has(keyOf(problem))) continue;
      this.#options.log.warn("a topic cannot be mirrored as it should", {
        ...problem,
      });
    }
    this.#problems = problems;
  }

  #tellGone(topics: readonly MirroredTopic[]): void {
    const there = new Set(topics.map(({ topic }) => topic));
    for (const { topic, target } of this.#topics) {
      if (there.has(topic)) continue;
      const names = { topic, target };
      this.#options.log.warn("a topic is mirrored no more", names);
    }
    this.#topics = topics;
  }
}

function mirroredOf(
  { plan, present }: Outlook,
  performed: readonly Performed[],
): MirroredTopic[] {
  const failed = (doing: Performed["doing"]) =>
    new Set(
      performed.filter((each) => each.doing === doing && each.error !== null)
        .map(({ target }) => target),
    );
  const [uncreated, ungrown, unaltered] = [
    failed("create"),
    failed("grow"),
    failed("alter"),
  ];
  const appendTime = new Set(
    plan.problems.filter(({ kind }) => kind === "logAppendTime")
      .map(({ target }) => target),
  );
  return plan.topics.filter(({ target }) =>
    !uncreated.has(target) &&
    // Records would get other times there.
    !(appendTime.has(target) && unaltered.has(target))
  ).map(({ topic, topicId, target, partitions }) => {
    const before = present.get(target);
    const there = before === undefined
      ? partitions
      : ungrown.has(target)
      ? before
      : Math.max(before, partitions);
    return {
      topic,
      topicId,
      target,
      partitions: Math.min(partitions, there),
    };
  });
}

function problemOf(
  { doing, target, error }: Performed,
  sources: ReadonlyMap<string, string>,
): TopicProblem[] {
  // Somebody else was quicker; the next refresh finds what that is.
  if (error === null || doing === "create" && isTopicExisting(error.code)) {
    return [];
  }
  const topic = sources.get(target)!;
  return [{ topic, target, kind: "failed", doing, error }];
}

const withConfigs = <T extends { readonly topic: string }>(
  topics: readonly T[],
  configs: ReadonlyMap<string, readonly ConfigEntry[]>,
) =>
  topics.map((each) => ({ ...each, configs: configs.get(each.topic) ?? null }));

function keyOf(problem: TopicProblem): string {
  const { topic, kind } = problem;
  return problem.kind === "failed"
    ? `${topic} ${kind} ${problem.doing} ${problem.error.code}`
    : `${topic} ${kind}`;
}
