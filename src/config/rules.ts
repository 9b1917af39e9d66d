import { delayTopics } from "./delays.ts";
import { kafkaName } from "./kinds.ts";
import type { Settings } from "./table.ts";

/** What must hold between settings that are each valid by themselves. */
interface Rule {
  /** Paths; the rule is left out while one of them is invalid. */
  readonly concerns: readonly string[];
  /** `say` gives who set a path and to what: `WORKERS is "4"`. */
  readonly problem: (
    settings: Settings,
    say: (path: string) => string,
  ) => string | undefined;
}

const rules: readonly Rule[] = [
  different(
    "inputTopic",
    "outputTopic",
    "a job that reads its own results never ends",
  ),
  different(
    "inputTopic",
    "dlqTopic",
    "dead letters that are read again never end",
  ),
  different(
    "outputTopic",
    "dlqTopic",
    "readers of the results must not meet dead letters",
  ),
  {
    concerns: ["batchRecords", "pendingRecords"],
    problem: ({ batchRecords, pendingRecords }, say) =>
      batchRecords > pendingRecords
        ? `${say("batchRecords")} and ${say("pendingRecords")}; expected no ` +
          "more in a batch than may be pending, or a full batch never fits"
        : undefined,
  },
  {
    concerns: ["inputTopic", "outputTopic", "dlqTopic", "retryDelays"],
    problem: ({ inputTopic, outputTopic, dlqTopic, retryDelays }, say) => {
      for (const { topic } of delayTopics(inputTopic, retryDelays)) {
        if (topic === outputTopic || topic === dlqTopic) {
          const other = topic === outputTopic ? "outputTopic" : "dlqTopic";
          return `${say("retryDelays")} and ${say(other)}; expected another ` +
            `topic than ${topic}, in which failed records wait`;
        }
        if (!kafkaName.schema.safeParse(topic).success) {
          return `${say("retryDelays")} and ${say("inputTopic")}; expected ` +
            `room for delay topics: a name has ${kafkaName.expected}`;
        }
      }
    },
  },
  {
    concerns: ["guarantee", "commitIntervalMs", "transactionTimeoutMs"],
    problem: ({ guarantee, commitIntervalMs, transactionTimeoutMs }, say) =>
      guarantee === "exactly-once" &&
        commitIntervalMs * 2 > transactionTimeoutMs
        ? `${say("commitIntervalMs")} and ${say("transactionTimeoutMs")}; ` +
          "expected a time-out of twice the interval or more, or brokers " +
          "abort transactions that are under way"
        : undefined,
  },
  ...(["primary", "secondary"] as const).map(largestRecordFits),
  {
    concerns: ["primary.brokers", "secondary.brokers"],
    problem: ({ primary, secondary }, say) => {
      const known = new Set(primary.brokers?.toLowerCase().split(","));
      const isShared = secondary.brokers?.toLowerCase().split(",")
        .some((broker) => known.has(broker));
      return isShared
        ? `${say("primary.brokers")} and ${say("secondary.brokers")}; ` +
          "expected two clusters without a broker in common"
        : undefined;
    },
  },
];

/** The problems of all rules whose settings are each valid. */
export function brokenRules(
  settings: Settings,
  isValid: (path: string) => boolean,
  say: (path: string) => string,
): string[] {
  return rules
    .filter(({ concerns }) => concerns.every(isValid))
    .flatMap(({ problem }) => problem(settings, say) ?? []);
}

type Topic = "inputTopic" | "outputTopic" | "dlqTopic";

function different(one: Topic, other: Topic, why: string): Rule {
  return {
    // The dead-letter topic's default is made from the input topic.
    concerns: ["inputTopic", one, other],
    problem: (settings, say) =>
      settings[one] === settings[other]
        ? `${say(one)} and ${say(other)}; expected two topics: ${why}`
        : undefined,
  };
}

function largestRecordFits(name: "primary" | "secondary"): Rule {
  return {
    concerns: ["pendingKbytes", `${name}.kafka`, `${name}.producer`],
    problem: (settings, say) => {
      const { kafka, producer } = settings[name];
      const property = "message.max.bytes";
      const record = property in producer ? "producer" : "kafka";
      const largest = Number(producer[property] ?? kafka[property] ?? 0);
      return largest > settings.pendingKbytes * 1024
        ? `${say(`${name}.${record}["${property}"]`)} and ` +
          `${say("pendingKbytes")} (KiB); expected room for the largest ` +
          "record, or it would wait for ever"
        : undefined;
    },
  };
}
