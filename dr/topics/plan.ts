/**
 * What has to change on the target so that it has every mirrored topic: pure,
 * from two descriptions to a list of changes. Nothing is ever deleted there, and
 * no topic gets smaller.
 */
import type {
  ConfigChanges,
  ConfigEntry,
  KafkaError,
} from "../../src/kafka/mod.ts";
import {
  configChanges,
  type ConfigRules,
  wantedConfigs,
  wantedReplicationFactor,
} from "./configs.ts";

export interface SourceTopic {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
  /** Null where nobody knows them now: then nothing is set after them. */
  readonly configs: readonly ConfigEntry[] | null;
}

export interface TargetTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** As in `SourceTopic`. */
  readonly configs: readonly ConfigEntry[] | null;
}

export interface PlanOptions extends ConfigRules {
  readonly isMirrored: (topic: string) => boolean;
  /** The name on the target; must not depend on anything but the name. */
  readonly targetTopic: (topic: string) => string;
  /**
   * Of new topics for which no override has another; fewer where the target has
   * fewer brokers.
   */
  readonly replicationFactor: number;
}

/** A topic that is mirrored once the plan has been carried out. */
export interface PlannedTopic {
  readonly topic: string;
  readonly topicId: string;
  readonly target: string;
  /** Of the source. */
  readonly partitions: number;
}

export type TopicProblem =
  & {
    /** Of the source. */
    readonly topic: string;
    readonly target: string;
  }
  & (
    /** Keys lie elsewhere on the target for those who produce there. */
    | {
      readonly kind: "targetHasMorePartitions";
      readonly partitions: number;
      readonly targetPartitions: number;
    }
    /** Another source topic has this target already: this one is left out. */
    | { readonly kind: "sameTarget"; readonly other: string }
    /**
     * The target replaced records' times, against what we set. The plan puts
     * that right; what is there already stays wrong.
     */
    | { readonly kind: "logAppendTime" }
    /** Not created, because the source's settings could not be read. */
    | { readonly kind: "settingsUnknown" }
    /** A step was tried and did not succeed. */
    | {
      readonly kind: "failed";
      readonly doing: "describe" | "create" | "grow" | "alter";
      readonly error: KafkaError;
    }
  );

export interface NewTarget {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicPlan {
  readonly topics: readonly PlannedTopic[];
  readonly create: readonly NewTarget[];
  readonly grow: readonly {
    readonly topic: string;
    readonly partitions: number;
  }[];
  readonly alter: readonly ConfigChanges[];
  readonly problems: readonly TopicProblem[];
}

/** @param targetBrokers brokers of the target that are there; at least 1. */
export function planTopics(
  source: readonly SourceTopic[],
  target: readonly TargetTopic[],
  targetBrokers: number,
  options: PlanOptions,
): TopicPlan {
  const present = new Map(target.map((each) => [each.topic, each]));
  const plan = new Plan(Math.max(1, targetBrokers), options);
  const mirrored = source.filter(({ topic }) => options.isMirrored(topic))
    // So that it is always the same topic that wins a target.
    .toSorted((a, b) => a.topic < b.topic ? -1 : 1);
  for (const each of mirrored) {
    const name = options.targetTopic(each.topic);
    plan.add(each, name, present.get(name));
  }
  return plan;
}

class Plan implements TopicPlan {
  readonly topics: PlannedTopic[] = [];
  readonly create: NewTarget[] = [];
  readonly grow: { topic: string; partitions: number }[] = [];
  readonly alter: ConfigChanges[] = [];
  readonly problems: TopicProblem[] = [];
  readonly #brokers: number;
  readonly #options: PlanOptions;
  /** By target: the source topic that has it. */
  readonly #taken = new Map<string, string>();

  constructor(brokers: number, options: PlanOptions) {
    this.#brokers = brokers;
    this.#options = options;
  }

  add(
    source: SourceTopic,
    target: string,
    present: TargetTopic | undefined,
  ): void {
    const { topic, topicId, partitions } = source;
    const problem = { topic, target };
    const other = this.#taken.get(target);
    if (other !== undefined) {
      this.problems.push({ ...problem, kind: "sameTarget", other });
      return;
    }
    this.#taken.set(target, topic);
    if (present !== undefined) {
      this.#adapt(source, target, present);
    } else if (source.configs === null) {
      this.problems.push({ ...problem, kind: "settingsUnknown" });
      return;
    } else {
      this.#create(source, source.configs, target);
    }
    this.topics.push({ topic, topicId, target, partitions });
  }

  #create(
    { topic, partitions }: SourceTopic,
    configs: readonly ConfigEntry[],
    target: string,
  ): void {
    const options = this.#options;
    const replicationFactor = Math.min(
      wantedReplicationFactor(topic, options) ?? options.replicationFactor,
      this.#brokers,
    );
    this.create.push({
      topic: target,
      partitions,
      replicationFactor,
      config: Object.fromEntries(
        wantedConfigs(topic, configs, replicationFactor, options),
      ),
    });
  }

  #adapt(source: SourceTopic, target: string, present: TargetTopic): void {
    const { topic, partitions } = source;
    if (present.partitions < partitions) {
      this.grow.push({ topic: target, partitions });
    } else if (present.partitions > partitions) {
      this.problems.push({
        topic,
        target,
        kind: "targetHasMorePartitions",
        partitions,
        targetPartitions: present.partitions,
      });
    }
    if (present.configs === null) return;
    if (isAppendTime(present.configs)) {
      this.problems.push({ topic, target, kind: "logAppendTime" });
    }
    const changes = this.#changes(source, present, present.configs);
    if (changes.length > 0) {
      this.alter.push({ type: "topic", name: target, changes });
    }
  }

  #changes(
    { topic, configs }: SourceTopic,
    { replicationFactor }: TargetTopic,
    present: readonly ConfigEntry[],
  ) {
    const known = configs ?? [];
    const options = this.#options;
    const wanted = wantedConfigs(topic, known, replicationFactor, options);
    return configChanges(known, present, wanted, options);
  }
}

const isAppendTime = (configs: readonly ConfigEntry[]) =>
  configs.some(({ name, value }) =>
    name === "message.timestamp.type" && value === "LogAppendTime"
  );
