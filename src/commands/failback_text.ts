/** What `failback` prints. Pure. */
import type {
  PlannedTail,
  Stage,
  StepReport,
  TopicPlan,
  Treatment,
} from "../../dr/failback/mod.ts";
import type { DrState } from "../../dr/state/mod.ts";

export interface PlanReport {
  readonly outcome: "dry-run";
  /** Null: there is none. */
  readonly state: DrState | null;
  readonly stage: Stage["kind"];
  readonly problem: string | null;
  readonly tail: readonly TopicReport[];
  /** Groups that would have to rest while the tail is replayed. */
  readonly resting: readonly string[];
  readonly problems: readonly string[];
}

/** Of one topic's tail. */
export interface TopicReport {
  readonly topic: string;
  readonly class: TopicPlan["class"];
  readonly treatment: Treatment;
  readonly target: string | null;
  readonly records: number;
  /** Outputs of pools among them, which stay where they are. */
  readonly outputs: number;
  readonly partitions: readonly {
    readonly partition: number;
    readonly records: number;
    readonly first: number | null;
    readonly last: number | null;
  }[];
}

export const topicReports = ({ plan }: PlannedTail): TopicReport[] =>
  plan.map((each) => ({
    topic: each.topic,
    class: each.class,
    treatment: each.treatment,
    target: each.target,
    records: each.records,
    outputs: each.outputs,
    partitions: each.partitions
      .filter(({ records }) => records > 0)
      .map(({ first, last, partition, records }) => ({
        partition,
        records,
        first,
        last,
      })),
  }));

const DOES: Readonly<Record<Treatment, (topic: TopicReport) => string>> = {
  replay: () => "replayed to the same topic of the secondary",
  quarantine: ({ target }) => `copied to ${target} of the secondary`,
  discard: () => "left where it is, for good",
  reconcile: () => "left where it is: pools make it again",
};

const STEP_WIDTH = "catch up".length;

export const stepText = ({ detail, ms, step }: StepReport): string =>
  `${step.padEnd(STEP_WIDTH)}  ${(ms / 1000).toFixed(3)} s  ${detail}`;

export function planText(report: PlanReport): string {
  const { problem, problems, resting, state, tail } = report;
  const now = state === null
    ? "no state was ever written: the primary is active"
    : `the ${state.active} is active, ${state.phase}, epoch ${state.epoch}, ` +
      `era ${state.era}`;
  return [
    now,
    ...problem === null ? [] : [problem],
    ...problems,
    ...tail.flatMap(topicLines),
    ...resting.length === 0
      ? []
      : [`would let rest meanwhile: ${resting.join(", ")}`],
    nextText(report),
  ].join("\n");
}

function topicLines(each: TopicReport): string[] {
  const { outputs, partitions, records, topic } = each;
  const besides = each.treatment === "reconcile" || outputs === 0
    ? ""
    : `; ${outputs} are outputs of pools and are left where they are`;
  return [
    `${topic}  ${each.class}  ${records} records  ${
      DOES[each.treatment](each)
    }${besides}`,
    ...partitions.map((partition) =>
      `  [${partition.partition}]  ${partition.records} records  ` +
      `${partition.first} to ${partition.last}`
    ),
  ];
}

function nextText({ problems, stage, tail }: PlanReport): string {
  if (problems.length > 0) return "would do nothing";
  switch (stage) {
    case "recover":
      return tail.length === 0
        ? "there is no tail; would begin to mirror back"
        : "would do this with the tail, and begin to mirror back";
    case "follow":
      return "the mirror back is at work; --switch makes the primary active";
    case "switch":
      return "a switch to the primary is under way; --switch goes on";
    case "nothing":
      return "nothing to do";
    case "refuse":
      return "would do nothing";
  }
}
