/** Observations of a job that is faultless, and faults to plant in them. */
import {
  Check,
  type CheckOptions,
  type Committed,
  type HistoryOperation,
  type Id,
  type LogBounds,
  type Report,
  type Role,
  type Seen,
} from "../checker/mod.ts";

export const topics = {
  input: "in",
  output: "out",
  deadLetter: "in.dlq",
  retry: "in.retry",
} as const;

/** What there is to see of a job. Faults are changes of these lists. */
export interface World {
  /** Null: there is none. */
  history: HistoryOperation[] | null;
  commits: Committed[];
  /** Inputs that are not committed; all others are. */
  open: Seen[];
  logs: LogBounds[];
  inputs: Seen[];
  outputs: Seen[];
  deadLetters: Seen[];
  retries: Seen[];
  /** The second readings; what aborted transactions wrote is here alone. */
  inputsAgain: Seen[];
  outputsAgain: Seen[];
  /** For what is appended later: behind all that is there. */
  nextOffset: number;
}

export interface WorldOptions {
  readonly inputs: number;
  readonly partitions: number;
  readonly keys: number;
}

/** Every seventh input becomes a dead letter, some are retried first. */
export const isDead = (id: number) => id % 7 === 3;
export const isDelayed = (id: number) => id % 11 === 5;

export function faultlessWorld(options: WorldOptions): World {
  const { inputs, partitions, keys } = options;
  const logs = new Logs();
  const history: HistoryOperation[] = [];
  const late: [number, string, number][] = [];
  for (let id = 0; id < inputs; id++) {
    const key = `key ${id % keys}`;
    const partition = id % keys % partitions;
    const { offset } = logs.append(topics.input, partition, id, key);
    history.push({ op: "send", id, key, partition });
    history.push({ op: "ack", id, partition, offset });
    if (isDelayed(id)) logs.append(topics.retry, partition, id, key);
    if (isDead(id)) logs.append(topics.deadLetter, partition, id, key);
    else if (isDelayed(id)) late.push([partition, key, id]);
    else logs.append(topics.output, partition, id, key);
  }
  for (const [partition, key, id] of late) {
    logs.append(topics.output, partition, id, key);
  }
  const bounds = logs.bounds();
  return {
    history,
    commits: bounds
      .filter(({ topic }) => topic === topics.input || topic === topics.retry)
      .map(({ topic, partition, high }) => ({
        topic,
        partition,
        offset: high,
        metadata: "",
      })),
    open: [],
    logs: bounds,
    inputs: logs.of(topics.input),
    outputs: logs.of(topics.output),
    deadLetters: logs.of(topics.deadLetter),
    retries: logs.of(topics.retry),
    inputsAgain: logs.of(topics.input),
    outputsAgain: logs.of(topics.output),
    nextOffset: inputs,
  };
}

class Logs {
  readonly #seen: Seen[] = [];
  readonly #ends = new Map<string, number>();

  append(topic: string, partition: number, id: Id, key: string): Seen {
    const name = `${topic} ${partition}`;
    const offset = this.#ends.get(name) ?? 0;
    this.#ends.set(name, offset + 1);
    const seen = {
      topic,
      partition,
      offset,
      id,
      key,
      fingerprint: Number(id) + 1,
    };
    this.#seen.push(seen);
    return seen;
  }

  of(topic: string): Seen[] {
    return this.#seen.filter((each) => each.topic === topic);
  }

  bounds(): LogBounds[] {
    return [...this.#ends].map(([name, high]) => {
      const [topic, partition] = name.split(" ") as [string, string];
      return { topic, partition: Number(partition), low: 0, high };
    });
  }
}

/** Tells a check all of it, in the order that it wants. */
export function check(world: World, options: CheckOptions = {}): Report {
  const check = new Check({ examples: 1000, ...options });
  if (world.history !== null) {
    check.historyOf(topics.input);
    for (const each of world.history) check.history(each);
  }
  for (const each of world.commits) {
    check.committed(leavingOpen(each, world.open));
  }
  for (const each of world.logs) check.log(each);
  const observe = (role: Role, all: readonly Seen[]) => {
    for (const each of all) check.observe(role, each);
  };
  observe("output", world.outputs);
  observe("dead letter", world.deadLetters);
  observe("retry", world.retries);
  observe("input", world.inputs);
  for (const each of world.inputsAgain) check.observeAgain("input", each);
  check.secondReadingEnded(topics.input);
  for (const each of world.outputsAgain) check.observeAgain("output", each);
  check.secondReadingEnded(topics.output);
  return check.report();
}

/** The commit of the lowest open offset, with metadata of what is above it. */
function leavingOpen(commit: Committed, open: readonly Seen[]): Committed {
  const { topic, partition, offset: end } = commit;
  const offsets = open
    .filter((each) => each.topic === topic && each.partition === partition)
    .map(({ offset }) => offset).sort((a, b) => a - b);
  const [offset] = offsets;
  if (offset === undefined) return commit;
  const isSettled = Array.from(
    { length: end - offset },
    (_, at) => !offsets.includes(offset + at),
  );
  const metadata = offset % 2 === 0
    ? `sy1b:${bitsOf(isSettled).toBase64()}`
    : `sy1r:${runsOf(isSettled).toBase64()}`;
  return { topic, partition, offset, metadata };
}

function bitsOf(isSettled: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(isSettled.length / 8));
  isSettled.forEach((settled, at) => {
    if (settled) bytes[at >> 3]! |= 1 << (at & 7);
  });
  return bytes;
}

/** No run of a test is longer than 127. */
function runsOf(isSettled: readonly boolean[]): Uint8Array {
  const runs = [0];
  isSettled.forEach((settled, at) => {
    if (settled !== (isSettled[at - 1] ?? false)) runs.push(0);
    runs[runs.length - 1]!++;
  });
  return new Uint8Array(runs);
}

/** `lost in [0] @3 id 7`, a line for each example, sorted. */
export function found(report: Report): string[] {
  return report.anomalies.flatMap(({ kind, examples }) =>
    examples.map(({ topic, partition, offset, id }) =>
      named(kind, { topic, partition, offset, id })
    )
  ).sort();
}

export function named(
  kind: string,
  { topic, partition, offset, id }: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number | null;
    readonly id: Id | null;
  },
): string {
  return `${kind}: ${topic} [${partition}] @${offset}, id ${id}`;
}
