/** What `PoolStatus` has, as metrics. */
import type {
  Following,
  PoolPhase,
  PoolStatus,
  WorkerState,
} from "../pool/status.ts";
import type { Labels, Metric, Sample } from "./metrics.ts";

const STATES: Readonly<Record<WorkerState, true>> = {
  starting: true,
  running: true,
  retiring: true,
  restarting: true,
  hung: true,
};

const PHASES: Readonly<Record<PoolPhase, true>> = {
  starting: true,
  running: true,
  draining: true,
  switching: true,
  stopped: true,
  failing: true,
};

/** Names that the figures have as labels. */
export interface PoolNames {
  readonly group: string;
  readonly input: string;
  readonly output: string;
  readonly deadLetters: string;
  readonly delayTopics: readonly string[];
}

export function poolMetrics(status: PoolStatus, names: PoolNames): Metric[] {
  const { following } = status;
  return [
    {
      kind: "gauge",
      name: "switchyard.pool.phase",
      help: "1 for the phase that the pool is in, 0 for others.",
      samples: Object.keys(PHASES).map((phase) => [
        { phase },
        Number(phase === status.phase),
      ]),
    },
    ...records(status),
    ...messages(status, names),
    ...durations(status, names),
    ...partitions(status, names),
    ...workers(status),
    ...happenings(status),
    ...following === undefined ? [] : followed(following),
  ];
}

function records({ totals }: PoolStatus): Metric[] {
  return [
    {
      kind: "counter",
      name: "switchyard.records.consumed",
      unit: "{record}",
      help: "Input records that were settled.",
      samples: [[{}, totals.consumed]],
    },
    {
      kind: "counter",
      name: "switchyard.records.produced",
      unit: "{record}",
      help:
        "Output records that the cluster acknowledged, without dead letters.",
      samples: [[{}, totals.produced]],
    },
    {
      kind: "counter",
      name: "switchyard.records.dead_lettered",
      unit: "{record}",
      help: "Input records that went to the dead-letter topic.",
      samples: [[{}, totals.deadLettered]],
    },
    {
      kind: "counter",
      name: "switchyard.records.skipped",
      unit: "{record}",
      help: "Input records for which the processor returned nothing.",
      samples: [[{}, totals.skipped]],
    },
    {
      kind: "counter",
      name: "switchyard.records.retried",
      unit: "{record}",
      help: "Times that a record was sent to a delay topic.",
      samples: [[{}, totals.retried]],
    },
    {
      kind: "counter",
      name: "switchyard.records.already_done",
      unit: "{record}",
      help: "Output records that were there before the job began.",
      samples: [[{}, totals.alreadyDone]],
    },
  ];
}

const SYSTEM = { "messaging.system": "kafka" };
const CONSUMED = { ...SYSTEM, "messaging.operation.name": "poll" };
const SENT = { ...SYSTEM, "messaging.operation.name": "send" };

/** By OpenTelemetry's conventions for messaging. */
function messages(
  { happenings, totals }: PoolStatus,
  names: PoolNames,
): Metric[] {
  const to = (topic: string): Labels => ({
    ...SENT,
    "messaging.destination.name": topic,
  });
  const [delayTopic, another] = names.delayTopics;
  const delayed: Sample[] = delayTopic === undefined ? [] : [[
    another === undefined ? to(delayTopic) : {
      ...SENT,
      "messaging.destination.template": `${names.input}.retry.{delay}`,
    },
    totals.retried,
  ]];
  return [
    {
      kind: "counter",
      name: "messaging.client.consumed.messages",
      unit: "{message}",
      help: "Records that were fetched, of the input and its delay topics.",
      samples: [[
        {
          ...CONSUMED,
          "messaging.destination.name": names.input,
          "messaging.consumer.group.name": names.group,
        },
        happenings.fetched,
      ]],
    },
    {
      kind: "counter",
      name: "messaging.client.sent.messages",
      unit: "{message}",
      help:
        "Records that were acknowledged; what a processor sends to topics " +
        "of its own counts as sent to the output topic.",
      samples: [
        [to(names.output), totals.produced],
        [to(names.deadLetters), totals.deadLettered],
        ...delayed,
      ],
    },
  ];
}

function durations(
  { happenings }: PoolStatus,
  { group, input, output }: PoolNames,
): Metric[] {
  const { commit, poll, process, send } = happenings.durations;
  const consuming = {
    ...SYSTEM,
    "messaging.destination.name": input,
    "messaging.consumer.group.name": group,
  };
  const operation = (name: string) => ({ "messaging.operation.name": name });
  return [
    {
      kind: "histogram",
      name: "messaging.client.operation.duration",
      unit: "s",
      help: "Time for which a batch was polled or sent, and of commits.",
      samples: [
        [{ ...consuming, ...operation("poll") }, poll],
        [{ ...SENT, "messaging.destination.name": output }, send],
        [{ ...consuming, ...operation("commit") }, commit],
      ],
    },
    {
      kind: "histogram",
      name: "messaging.process.duration",
      unit: "s",
      help: "Time for which a batch was processed.",
      samples: [[{ ...consuming, ...operation("process") }, process]],
    },
  ];
}

function partitions(
  { partitions }: PoolStatus,
  { group }: PoolNames,
): Metric[] {
  type Each = PoolStatus["partitions"][number];
  const by = (
    value: (each: Each) => number | null,
    labels: Labels = {},
  ): Sample[] =>
    partitions.flatMap((each) => {
      const { partition, topic } = each;
      const known = value(each);
      return known === null
        ? []
        : [[{ ...labels, topic, partition: `${partition}` }, known]];
    });
  return [
    {
      kind: "gauge",
      name: "kafka.consumergroup.group_lag",
      unit: "{record}",
      help: "Records between the committed offset and the high watermark.",
      samples: by(({ lag }) => lag, { group }),
    },
    {
      kind: "gauge",
      name: "kafka.consumergroup.group_lag_seconds",
      unit: "s",
      help: "For how long the first of these records has been there, at least.",
      samples: by(({ lagMs }) => lagMs === null ? null : lagMs / 1000, {
        group,
      }),
    },
    {
      kind: "gauge",
      name: "kafka.consumergroup.group_offset",
      help: "The offset that the group has committed.",
      samples: by(({ committed }) => committed, { group }),
    },
    {
      kind: "gauge",
      name: "kafka.partition.latest_offset",
      help: "The high watermark that the last fetch told.",
      samples: by(({ end }) => end),
    },
  ];
}

function workers({ workers }: PoolStatus): Metric[] {
  type Each = PoolStatus["workers"][number];
  const by = (value: (each: Each) => number): Sample[] =>
    workers.map((each) => [{ worker: `${each.id}` }, value(each)]);
  return [
    {
      kind: "gauge",
      name: "switchyard.workers",
      unit: "{thread}",
      help: "Worker threads by state.",
      samples: Object.keys(STATES).map((state) => [
        { state },
        workers.filter((each) => each.state === state).length,
      ]),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.partitions",
      unit: "{partition}",
      help: "Partitions that a worker owns.",
      samples: by((each) => each.partitions.length),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.pending_records",
      unit: "{record}",
      help: "Records that a worker fetched and did not settle yet.",
      samples: by((each) => each.pendingRecords),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.utilization",
      help: "How full a worker is, 0 to 1 of what may be pending.",
      samples: workers.flatMap(({ id, utilization }) =>
        (["records", "bytes"] as const).map((bound): Sample => [
          { worker: `${id}`, bound },
          utilization[bound],
        ])
      ),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.heap",
      unit: "By",
      help: "JavaScript heap of a worker.",
      samples: by((each) => each.heapBytes),
    },
    {
      kind: "gauge",
      name: "switchyard.worker.stalled",
      unit: "s",
      help: "For how long a thread has not moved; see WATCHDOG_MS.",
      samples: by((each) => each.stalledMs / 1000),
    },
  ];
}

function happenings({ happenings }: PoolStatus): Metric[] {
  const { aborted, committed, droppedSpans, moves, rebalances, restarts } =
    happenings;
  return [
    {
      kind: "counter",
      name: "switchyard.worker.restarts",
      unit: "{restart}",
      help: "Threads that took the place of one that had failed.",
      samples: [[{}, restarts]],
    },
    {
      kind: "counter",
      name: "switchyard.rebalances",
      unit: "{rebalance}",
      help: "Assignments and revocations that the group asked for.",
      samples: [[{}, rebalances]],
    },
    {
      kind: "counter",
      name: "switchyard.partition.moves",
      unit: "{move}",
      help: "Partitions that went to another thread of this process.",
      samples: [[{}, moves]],
    },
    {
      kind: "counter",
      name: "switchyard.transactions",
      unit: "{transaction}",
      help: "Transactions by how they ended.",
      samples: [
        [{ outcome: "committed" }, committed],
        [{ outcome: "aborted" }, aborted],
      ],
    },
    {
      kind: "counter",
      name: "switchyard.spans.dropped",
      unit: "{span}",
      help: "Spans of worker threads that were more than may wait.",
      samples: [[{}, droppedSpans]],
    },
  ];
}

const followed = ({ active, epoch }: Following): Metric[] => [
  {
    kind: "gauge",
    name: "switchyard.active_cluster",
    help: "1 for the cluster in use, as this pool has heard.",
    samples: ["primary", "secondary"].map((cluster) => [
      { cluster },
      cluster === active ? 1 : 0,
    ]),
  },
  {
    kind: "gauge",
    name: "switchyard.state_epoch",
    help:
      "Epoch of the newest state that this pool has seen; 0: there is none.",
    samples: [[{}, epoch]],
  },
];
