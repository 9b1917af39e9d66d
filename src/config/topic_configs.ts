/** Kafka's settings of topics, as far as their values can be judged from here. */
import { nearestName, suggestion } from "./nearest.ts";

/** Rules for topics that cannot be used; the message says what is expected. */
export class RuleError extends Error {
  override readonly name = "RuleError";
}

/** Not a setting of Kafka: it counts when a topic is created. */
export const REPLICATION_FACTOR = "replication.factor";

interface ConfigKind {
  readonly expected: string;
  /** As brokers write it, or null where it is none. */
  readonly read: (text: string) => string | null;
}

const LONG_MAX = 2n ** 63n - 1n;
const INT_MAX = 2n ** 31n - 1n;

function whole(least: bigint, most: bigint): ConfigKind {
  const range = [least, most].map((each) => each.toLocaleString("en-US"));
  return {
    expected: `a whole number from ${range.join(" to ")}`,
    read(text) {
      if (!/^-?\d{1,20}$/.test(text)) return null;
      const value = BigInt(text);
      return value < least || value > most ? null : String(value);
    },
  };
}

const long = (least: bigint) => whole(least, LONG_MAX);
const int = (least: bigint, most = INT_MAX) => whole(least, most);

const ratio: ConfigKind = {
  expected: "a number from 0 to 1",
  read: (text) =>
    /^\d+(\.\d+)?$/.test(text) && Number(text) <= 1
      ? String(Number(text))
      : null,
};

function oneOf(...values: readonly string[]): ConfigKind {
  return {
    expected: `one of ${values.join(", ")}`,
    read: (text) => values.includes(text) ? text : null,
  };
}

const flag: ConfigKind = {
  ...oneOf("true", "false"),
  expected: "true or false",
};

function listOf(expected: string, part: RegExp): ConfigKind {
  return {
    expected,
    read(text) {
      const parts = text.split(",").map((each) => each.trim());
      return parts.every((each) => part.test(each)) ? parts.join(",") : null;
    },
  };
}

const replicas = listOf(
  "* or a list of partition:broker",
  /^(\*|\d+:\d+)$/,
);

/**
 * Of Kafka 4.3.1, with the limits of 3.6, the oldest that a target may be, where
 * those are wider.
 */
const KINDS: ReadonlyMap<string, ConfigKind> = new Map(Object.entries({
  [REPLICATION_FACTOR]: int(1n, 32n),
  "cleanup.policy": listOf("compact, delete or both", /^(compact|delete)$/),
  "compression.gzip.level": oneOf("-1", ..."123456789"),
  "compression.lz4.level": int(1n, 17n),
  "compression.type": oneOf(
    "uncompressed",
    "zstd",
    "lz4",
    "snappy",
    "gzip",
    "producer",
  ),
  "compression.zstd.level": int(-131_072n, 22n),
  "delete.retention.ms": long(0n),
  "file.delete.delay.ms": long(0n),
  "flush.messages": long(1n),
  "flush.ms": long(0n),
  "follower.replication.throttled.replicas": replicas,
  "index.interval.bytes": int(0n),
  "leader.replication.throttled.replicas": replicas,
  "local.retention.bytes": long(-2n),
  "local.retention.ms": long(-2n),
  "max.compaction.lag.ms": long(1n),
  "max.message.bytes": int(0n),
  "min.cleanable.dirty.ratio": ratio,
  "min.compaction.lag.ms": long(0n),
  "min.insync.replicas": int(1n),
  "preallocate": flag,
  "remote.log.copy.disable": flag,
  "remote.log.delete.on.disable": flag,
  "remote.storage.enable": flag,
  "retention.bytes": long(-LONG_MAX - 1n),
  "retention.ms": long(-1n),
  "segment.bytes": int(14n),
  "segment.index.bytes": int(4n),
  "segment.jitter.ms": long(0n),
  "segment.ms": long(1n),
  "unclean.leader.election.enable": flag,
}));

/** The names whose values are judged. */
export const judgedConfigs: readonly string[] = [...KINDS.keys()];

/**
 * The value as brokers write it. A name that is not known, nor near to one that
 * is, may be a vendor's: only the brokers can tell.
 * @throws {RuleError} where brokers would refuse it, or the mirror owns it.
 */
export function checkedConfig(name: string, value: string): string {
  if (name.startsWith("message.timestamp.")) {
    throw new RuleError(
      `expected other settings than ${quoted(name)}: a mirrored record keeps ` +
        "its time",
    );
  }
  const kind = KINDS.get(name);
  if (kind === undefined) return checkedOther(name, value);
  const read = kind.read(value);
  if (read === null) {
    throw new RuleError(
      `expected ${name} to be ${kind.expected}, not ${quoted(value)}`,
    );
  }
  return read;
}

function checkedOther(name: string, value: string): string {
  const near = nearestName(name, judgedConfigs);
  if (near !== undefined || !/^[a-zA-Z0-9._-]+$/.test(name)) {
    throw new RuleError(
      `expected a setting of topics, not ${quoted(name)}${suggestion(near)}`,
    );
  }
  if (!/^[\x20-\x7e]+$/.test(value)) {
    throw new RuleError(
      `expected ${name} to be visible ASCII characters, not ${quoted(value)}`,
    );
  }
  return value;
}

/** On one line, and no longer than a line should be. */
export function quoted(text: string): string {
  const quote = JSON.stringify(text);
  return quote.length <= 80 ? quote : `${quote.slice(0, 79)}…`;
}
