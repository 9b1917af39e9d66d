/**
 * All fields that lines can have: the name by which the program knows each, and
 * the one that is written, which never changes its meaning or its type.
 * docs/logs.md has the same table.
 *
 * Written names are Elastic's common schema (ECS) where it has one,
 * OpenTelemetry's conventions for messaging, and `switchyard.…` for all else, so
 * that no other program's field means something else.
 */
import type { PlainValue } from "./log_fields.ts";

/** Lists of texts count as texts, as they do for stores of logs. */
type Kind = "text" | "number";

/** Written as `switchyard.` and the name in snake_case. */
const OWN = {
  active: ["text", "the cluster that is in use"],
  afterMs: ["number", "how long after the state said so, in ms"],
  attempts: ["number", "how often it was tried"],
  because: ["text", "the rule that speaks against a failover"],
  before: ["text", "what it was before"],
  beginning: ["text", "how the names of what is left begin"],
  broker: ["text", "address of a broker"],
  changes: ["text", "settings of a topic that were changed"],
  cluster: ["text", "`primary`, `secondary`, `embedded`, or brokers"],
  config: ["text", "settings of a topic that was created"],
  count: ["number", "how many the line is about"],
  damage: ["text", "what happened to a source partition"],
  delayMs: ["number", "until it is tried again, in ms"],
  detail: ["text", "what a step of a failover did"],
  doing: ["text", "what was tried of a topic"],
  epoch: ["number", "of the state"],
  era: ["number", "of the mirror"],
  facility: ["text", "of librdkafka: who says it there"],
  forMs: ["number", "how long it waits, in ms"],
  from: ["text", "where a transaction that is void began: `topic-0@42`"],
  gateway: ["text", "where the gateway listens"],
  groups: ["text", "consumer groups, or how many"],
  guarantee: ["text", "of the job"],
  heapMb: ["number", "heap of a worker, in MiB"],
  http: ["text", "address of `/livez`, `/readyz`, `/metrics` and `/status`"],
  ids: ["text", "transactional ids"],
  input: ["text", "the job's input topic"],
  instance: ["text", "the job's instance"],
  kind: ["text", "of an end or a problem"],
  lagMs: ["number", "of the mirror, in ms"],
  lane: ["number", "of the mirror"],
  lanes: ["text", "lanes of the mirror, or how many"],
  librdkafka: ["text", "its version"],
  listen: ["text", "an address of the gateway"],
  logLevel: ["text", "that is in effect"],
  lowerBounds: ["number", "positions that are not known exactly"],
  metadataBytes: ["number", "what a partition's commit would take, in bytes"],
  mode: ["text", "of a sentinel"],
  ms: ["number", "how long a step took, in ms"],
  other: ["text", "the topic that has the target already"],
  output: ["text", "the job's output topic"],
  outputs: ["number", "outputs that the line is about"],
  partitions: ["text", "partitions, or how many"],
  phase: ["text", "of the state"],
  policy: ["text", "replication policy, or what is done about damage"],
  position: ["number", "up to where a partition is mirrored"],
  positions: ["text", "where a lane begins: `topic-0@42`"],
  primary: ["text", "brokers of the primary cluster"],
  probe: ["text", "of a cluster's health"],
  problems: ["text", "all that is wrong"],
  processor: ["text", "what a processor logs; its own fields stand below it"],
  rateKbytes: ["number", "limit that is in effect, in KiB/s"],
  rateRecords: ["number", "limit that is in effect, in records/s"],
  reason: ["text", "why"],
  reasons: ["text", "why, a text each"],
  remedy: ["text", "what is done about a partition's damage"],
  repeated: ["number", "lines like this one that were not written before it"],
  replicationFactor: ["number", "of a topic that was created"],
  resetTo: ["number", "the offset that is fetched instead"],
  role: ["text", "`mirror`, `sentinel`, or a role of a drill"],
  secondary: ["text", "brokers of the secondary cluster"],
  sentinels: ["number", "how many there should be"],
  signal: ["text", "that ends the program"],
  sinceMs: ["number", "when the state was written, in ms since 1970"],
  source: ["text", "brokers that are mirrored"],
  stream: ["text", "`console`: written by `console.log` and its like"],
  target: ["text", "topic or brokers that are mirrored to"],
  targetPartitions: ["number", "of a topic on the target"],
  to: ["text", "the cluster that is failed over to"],
  topicId: ["text", "as Kafka prints it"],
  unreadable: ["number", "records that nobody can make sense of"],
  voter: ["text", "under which a sentinel votes"],
  why: ["text", "why a probe fails"],
  withheld: ["number", "positions that are not released"],
  withoutFinished: ["number", "positions without what was finished beyond"],
  withOffsetSyncs: ["number", "partitions that MirrorMaker 2 has syncs of"],
  worker: ["number", "the worker thread"],
  workers: ["number", "how many threads there should be"],
} as const satisfies Readonly<Record<string, readonly [Kind, string]>>;

/** Names that others have agreed on. */
const AGREED = {
  topic: ["messaging.destination.name", "text", "topic"],
  partition: ["messaging.destination.partition.id", "text", "partition"],
  offset: ["messaging.kafka.offset", "number", "offset of a record"],
  group: ["messaging.consumer.group.name", "text", "consumer group"],
  trace_id: ["trace.id", "text", "trace that the line belongs to"],
  span_id: ["span.id", "text", "span that the line belongs to"],
} as const satisfies Readonly<Record<string, readonly [string, Kind, string]>>;

/** What becomes of `error`, be it an error or a text. */
const ERROR = {
  "error.type": "class of the error",
  "error.code": "librdkafka's name of it, such as `_TRANSPORT`",
  "error.message": "what it says, with its causes",
  "error.stack_trace": "where it comes from; of errors alone",
} as const;

export type FieldName = keyof typeof OWN | keyof typeof AGREED | "error";

interface WrittenName {
  readonly written: string;
  readonly kind: Kind;
  readonly about: string;
}

/** By `FieldName`, but for `error`. */
const NAMES: ReadonlyMap<string, WrittenName> = new Map<string, WrittenName>([
  ...Object.entries(AGREED).map(([name, [written, kind, about]]) =>
    [name, { written, kind, about }] as const
  ),
  ...Object.entries(OWN).map(([name, [kind, about]]) =>
    [name, { written: `switchyard.${snakeCase(name)}`, kind, about }] as const
  ),
]);

/** The table for people. */
export const writtenNames: readonly WrittenName[] = [
  ...Object.entries(ERROR).map(([written, about]) => (
    { written, kind: "text", about } as const
  )),
  ...NAMES.values(),
];

type Attributes = Record<string, PlainValue>;

/** A line's fields under the names that are written, in one level. */
export function attributesOf(
  fields: Readonly<Record<string, PlainValue>>,
): Readonly<Attributes> {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) continue;
    if (name === "error") addError(attributes, value);
    else if (name === "processor") addProcessor(attributes, value);
    else {
      const known = NAMES.get(name);
      attributes[known?.written ?? `switchyard.${snakeCase(name)}`] =
        known?.kind === "number" && typeof value === "number"
          ? value
          : textOf(value);
    }
  }
  return attributes;
}

/** Its types are its own. */
function addProcessor(attributes: Attributes, value: PlainValue): void {
  if (!isObject(value)) return;
  for (const [name, each] of Object.entries(value)) {
    attributes[`switchyard.processor.${name}`] = typeof each === "object"
      ? textOf(each)
      : each;
  }
}

function addError(attributes: Attributes, error: PlainValue): void {
  if (!isObject(error)) {
    attributes["error.message"] = textOf(error);
    return;
  }
  const { codeName, name, stack } = error;
  if (name !== undefined) attributes["error.type"] = textOf(name);
  if (codeName !== undefined) attributes["error.code"] = textOf(codeName);
  attributes["error.message"] = messageOf(error);
  if (stack !== undefined) attributes["error.stack_trace"] = textOf(stack);
}

function messageOf(error: PlainValue): string {
  if (!isObject(error) || error["message"] === undefined) {
    return String(textOf(error));
  }
  const { cause, message } = error;
  const text = String(message);
  return cause === undefined ? text : `${text}; because: ${messageOf(cause)}`;
}

/** Lists of texts remain lists. */
function textOf(value: PlainValue): string | readonly string[] {
  if (typeof value !== "object") return String(value);
  return isList(value) && value.every((each) => typeof each !== "object")
    ? value.map(String)
    : JSON.stringify(value);
}

const isList = (value: PlainValue): value is readonly PlainValue[] =>
  Array.isArray(value);

const isObject = (
  value: PlainValue,
): value is { readonly [name: string]: PlainValue } =>
  typeof value === "object" && value !== null && !isList(value);

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const BY_WRITTEN: ReadonlyMap<string, string> = new Map(
  [...NAMES].map(([name, { written }]) => [written, name]),
);

/** The name by which the program knows what is written. */
export const fieldNameOf = (written: string): string =>
  BY_WRITTEN.get(written) ?? written;
