import { z } from "zod";
import { optionalSetting, properties, setting, type Shape } from "./field.ts";
import {
  brokerList,
  choice,
  flag,
  groupName,
  host,
  kafkaName,
  modulePath,
  path,
  wholeNumber,
} from "./kinds.ts";
import type {
  ConsumerProperties,
  KafkaProperties,
  ProducerProperties,
} from "./properties.ts";
import { embedded } from "./table_embedded.ts";
import { leases, leasesSection } from "./table_leases.ts";
import { mirror } from "./table_mirror.ts";
import { retries } from "./table_retries.ts";
import { gateway, sentinel } from "./table_sentinel.ts";

const cluster = (
  prefix: "PRIMARY" | "SECONDARY",
  brokers: { readonly description: string; readonly unset: string },
) =>
  z.strictObject({
    brokers: optionalSetting(brokerList, {
      env: `${prefix}_BROKERS`,
      ...brokers,
    }),
    kafka: properties<KafkaProperties>({
      env: `${prefix}_KAFKA_`,
      description: "librdkafka properties for every client of this cluster.",
    }),
    consumer: properties<ConsumerProperties>({
      env: `${prefix}_CONSUMER_`,
      description: "More of them, for consumers only; they win over `kafka`.",
    }),
    producer: properties<ProducerProperties>({
      env: `${prefix}_PRODUCER_`,
      description: "More of them, for producers only; they win over `kafka`.",
    }),
  });

const clusters = {
  primary: cluster("PRIMARY", {
    description: "Where to find the cluster that the job reads and writes, " +
      "until there is a failover.",
    unset: "an embedded cluster",
  }),
  secondary: cluster("SECONDARY", {
    description:
      "The standby cluster, for the mirror and failover commands. With both " +
      "set, `start` works on the one that the state of disaster recovery " +
      "names (docs/disaster-recovery.md).",
    unset: "no standby",
  }),
};

const topicReason = "Kafka's rule for topic names";

const job = {
  inputTopic: setting(kafkaName, {
    env: "INPUT_TOPIC",
    default: "user-login",
    why: topicReason,
    description: "Topic that is read.",
  }),
  outputTopic: setting(kafkaName, {
    env: "OUTPUT_TOPIC",
    default: "user-login-processed",
    why: topicReason,
    description: "Topic of results, unless the processor names another.",
  }),
  dlqTopic: setting(kafkaName, {
    env: "DLQ_TOPIC",
    default: {
      text: "the input topic + `.dlq`",
      of: ({ valueOf }) => `${valueOf("inputTopic")}.dlq`,
    },
    why: topicReason,
    description: "Dead-letter topic: what could not be processed, unchanged, " +
      "with the reason in headers.",
  }),
  createTopics: setting(flag, {
    env: "CREATE_TOPICS",
    default: true,
    description:
      "Create the output, dead-letter and delay topics when they are missing. " +
      "The input topic is never created on a real cluster.",
  }),
  groupId: setting(groupName, {
    env: "GROUP_ID",
    default: "switchyard",
    why: "it is shown in logs, metrics and Kafka's tools",
    description: "Consumer group. Instances with the same one share the work.",
  }),
  instanceId: setting(kafkaName, {
    env: "INSTANCE_ID",
    default: {
      text: "the host name and a free number",
      of: ({ hostname }) => hostname,
    },
    why: "Kafka's rule for group instance ids",
    description:
      "Name of this instance in its transactional ids. Set it where the host " +
      "name changes at a restart: an instance that was killed and comes back " +
      "under its name goes on at once, another one waits for the timeouts.",
  }),
  guarantee: setting(
    choice(["at-least-once", "exactly-once"]),
    {
      env: "GUARANTEE",
      default: "at-least-once",
      description: "`at-least-once`: nothing is lost; after a crash, records " +
        "that were under way are processed again. `exactly-once`: outputs and " +
        "offsets count together or not at all, in transactions of " +
        "`commitIntervalMs`; readers of the output need " +
        "`isolation.level=read_committed`.",
    },
  ),
  coordinates: setting(choice(["auto", "on", "off"]), {
    env: "COORDINATES",
    default: "auto",
    description: "Whether each output has a header " +
      "`switchyard.coordinates` that says which input it comes from, so that " +
      "after a failover none is repeated. `auto`: with exactly-once, where both " +
      "clusters are set.",
  }),
  ordering: setting(choice(["partition", "key", "none"]), {
    env: "ORDERING",
    default: "partition",
    description: "What is handled one after another, where handlers are " +
      "asynchronous: the records of a `partition`, those of a `key` in a " +
      "partition, or `none`.",
  }),
  processor: optionalSetting(modulePath, {
    env: "PROCESSOR",
    unset: "the reference processor for logins",
    description: "Module with your processor; relative to the current folder.",
  }),
};

const threads = {
  workers: setting(wholeNumber(1, 1024), {
    env: "WORKERS",
    unit: "threads",
    default: {
      text: "one a core",
      of: ({ hardwareConcurrency }) => hardwareConcurrency,
    },
    why: "each costs memory, and more than there are cores gain little",
    description: "Worker threads that process records.",
  }),
  workerHeapMb: setting(wholeNumber(64, 4096), {
    env: "WORKER_HEAP_MB",
    unit: "MiB a worker",
    default: 256,
    why: "an idle worker needs some 13 MiB and must not look like a leak; V8 " +
      "ends the whole process when an isolate reaches its own limit, 4 GiB or " +
      "less",
    description:
      "A worker whose JavaScript heap grows beyond this is drained " +
      "and replaced.",
  }),
  concurrency: setting(wholeNumber(1, 10_000), {
    env: "CONCURRENCY",
    unit: "handlers a worker",
    default: 64,
    why: "each one in flight holds a record, a promise and a timer",
    description: "Asynchronous handlers that run side by side in a worker.",
  }),
};

const buffers = {
  batchRecords: setting(wholeNumber(1, 100_000), {
    env: "BATCH_RECORDS",
    unit: "records",
    default: 4000,
    why: "a worker answers signals between batches, and a batch is in memory " +
      "as a whole",
    description: "Most records that a worker takes from its queue at once.",
  }),
  fetchQueueKbytes: setting(wholeNumber(64, 2_097_151), {
    env: "FETCH_QUEUE_KBYTES",
    unit: "KiB a worker",
    default: 4096,
    why: "less starves the worker between two fetches; the most is " +
      "librdkafka's own limit",
    description: "Records that have been fetched and wait for their worker. " +
      "Raise it, and `pendingKbytes`, for a cluster far away: one round trip " +
      "moves no more than this.",
  }),
  pendingKbytes: setting(wholeNumber(1024, 2_097_151), {
    env: "PENDING_KBYTES",
    unit: "KiB a worker",
    default: 4096,
    why: "a record of 1 MB, the most that Kafka takes by default, must fit, " +
      "or it would wait for ever; the most is the same as for fetching",
    description: "Outputs that await their acknowledgement. A full buffer " +
      "stops the processing, which stops the fetching.",
  }),
  pendingRecords: setting(wholeNumber(1, 10_000_000), {
    env: "PENDING_RECORDS",
    unit: "records a worker",
    default: 50_000,
    why: "each costs some 100 bytes of book-keeping: 1 GB at the most",
    description: "Inputs and outputs that await acknowledgement; bounds " +
      "what small records cost beyond their bytes.",
  }),
  transactionRecords: setting(wholeNumber(1, 10_000_000), {
    env: "TRANSACTION_RECORDS",
    unit: "outputs",
    default: 200_000,
    why: "what a failure makes void is processed once more",
    description: "Outputs after which a transaction ends early.",
  }),
  rateRecords: optionalSetting(wholeNumber(1, 100_000_000), {
    env: "RATE_RECORDS",
    unit: "records/s an instance",
    unset: "no limit",
    why: "less than one would stop the job; more is beyond any machine",
    description: "Most input records a second.",
  }),
  rateKbytes: optionalSetting(wholeNumber(1, 100_000_000), {
    env: "RATE_KBYTES",
    unit: "KiB/s an instance",
    unset: "no limit",
    why: "less than one would stop the job; more is beyond any network card",
    description: "Most input bytes a second.",
  }),
};

const times = {
  commitIntervalMs: setting(wholeNumber(10, 60_000), {
    env: "COMMIT_INTERVAL_MS",
    unit: "ms",
    default: 200,
    why: "shorter loads the group's broker, longer repeats more after a crash",
    description: "Time between two commits of settled offsets; with " +
      "exactly-once, how long a transaction takes records at least, but for " +
      "the first.",
  }),
  transactionTimeoutMs: setting(wholeNumber(1000, 900_000), {
    env: "TRANSACTION_TIMEOUT_MS",
    unit: "ms",
    default: 10_000,
    why: "the most is the brokers' own limit, by default",
    description: "After this time brokers abort a transaction whose instance " +
      "does not answer; until then readers of the output wait behind it.",
  }),
  handlerTimeoutMs: setting(wholeNumber(1, 3_600_000), {
    env: "HANDLER_TIMEOUT_MS",
    unit: "ms",
    default: 30_000,
    why: "the partition waits for its slowest handler; an hour is the most",
    description: "How long one asynchronous handler may take before its " +
      "signal is aborted and the attempt has failed.",
  }),
  watchdogMs: setting(wholeNumber(100, 3_600_000), {
    env: "WATCHDOG_MS",
    unit: "ms",
    default: 30_000,
    why: "a garbage collection or a busy machine must not look like a hang",
    description: "How long user code may block its thread before the worker " +
      "is given up, its partitions move, and the process drains and ends.",
  }),
  drainMs: setting(wholeNumber(0, 3_600_000), {
    env: "DRAIN_MS",
    unit: "ms",
    default: 25_000,
    why: "Kubernetes kills 30 s after SIGTERM by default, so stay below that",
    description: "How long a stop may take to finish, settle and commit what " +
      "was fetched.",
  }),
};

const service = {
  httpHost: setting(host, {
    env: "HTTP_HOST",
    default: "127.0.0.1",
    description: "Address of the health and metrics server; `0.0.0.0` in a " +
      "container.",
  }),
  httpPort: setting(wholeNumber(0, 65_535), {
    env: "HTTP_PORT",
    default: 0,
    why: "TCP's port numbers; 0 takes any free one, which the log names",
    description: "Port of `/livez`, `/readyz`, `/metrics` and `/status`.",
  }),
  logLevel: setting(choice(["debug", "info", "warn", "error"]), {
    env: "LOG_LEVEL",
    default: "info",
    description: "The least severe messages that are logged; SIGHUP reads it " +
      "again. See [logs](logs.md).",
  }),
  libraryPath: optionalSetting(path, {
    env: "LIBRDKAFKA_PATH",
    unset: "the library that was built, else the system's",
    description: "The librdkafka shared library to load.",
  }),
};

interface Group {
  readonly title: string;
  readonly about: string;
  readonly shape: Shape;
}

/** The table of settings, in the order of the reference page. */
export const groups: readonly Group[] = [
  {
    title: "Clusters",
    about: "Which Kafka clusters to use and how to reach them. The records " +
      "of librdkafka properties are described under " +
      "[Pass-through settings](#pass-through-settings).",
    shape: clusters,
  },
  {
    title: "The job",
    about: "What is read, what is done with it, and where results go.",
    shape: job,
  },
  {
    title: "Threads",
    about: "How much of the machine the job takes.",
    shape: threads,
  },
  {
    title: "Buffers and rates",
    about: "Every stage is bounded; a full one stops the one before it. " +
      "These are the limits of [the memory budget](#memory-budget).",
    shape: buffers,
  },
  {
    title: "Times",
    about: "How long things may take.",
    shape: times,
  },
  {
    title: "Retries",
    about: "What happens when a handler fails. A record that cannot succeed " +
      "(not JSON, refused by the schema, or the processor throws " +
      "`RejectError`) is not tried again.",
    shape: retries,
  },
  {
    title: "Mirror",
    about: "Used by `mirror` alone.",
    shape: mirror,
  },
  {
    title: "Sentinel",
    about: "Used by `sentinel` alone.",
    shape: sentinel,
  },
  leasesSection,
  {
    title: "Gateway",
    about: "Where clients of both clusters begin; `sentinel` opens it.",
    shape: gateway,
  },
  {
    title: "Service",
    about: "How operators see the process.",
    shape: service,
  },
  {
    title: "Embedded cluster",
    about: "Used only while `primary.brokers` is unset.",
    shape: embedded,
  },
];

/** The one schema: everything that a settings file may hold. */
export const settingsSchema = z.strictObject({
  ...clusters,
  ...job,
  ...threads,
  ...buffers,
  ...times,
  ...retries,
  ...mirror,
  ...sentinel,
  ...leases,
  ...gateway,
  ...service,
  ...embedded,
});

type DeepReadonly<T> = T extends object
  ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
  : T;

/** Every setting with its value; deeply frozen. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>;
export type ClusterSettings = Settings["primary"];
