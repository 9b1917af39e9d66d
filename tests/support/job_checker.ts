/**
 * Compares what a job wrote with what went in. What each login must become is
 * computed here once more from its bytes, without any code of the job.
 *
 * An input is known by its index: a header of it says so, which dead letters
 * keep, and the field `event_id` of its value, which outputs keep.
 */
import { Buffer } from "node:buffer";
import type {
  IndependentClient,
  KafkaRecord,
  NewRecord,
  ReadOptions,
  RecordHeader,
} from "./independent_client.ts";

/** The inputs as a pure function of their index. */
export interface Inputs {
  readonly count: number;
  /** Without the header, which `indexed` adds. */
  record(index: number): NewRecord & { readonly value: Uint8Array | null };
  /** Default: as `expectedLogin` says. */
  expected?(index: number): Expected;
}

/** What must come of an input. */
export type Expected =
  | {
    readonly kind: "output";
    readonly fields: Readonly<Record<string, unknown>>;
  }
  | { readonly kind: "dead letter" }
  /** It depends on limits of the runtime; but one of both. */
  | { readonly kind: "either" };

export interface JobTopics {
  readonly input: string;
  readonly output: string;
  readonly deadLetter: string;
  readonly group: string;
}

/** What was found in the topics that were written. */
export interface JobFindings {
  outputs: number;
  deadLetters: number;
  /** Inputs without output or dead letter. */
  missing: number;
  /** Deliveries beyond the first of an input. */
  repeated: number;
  /** First deliveries that came after one of a later input of their key. */
  outOfOrder: number;
  /** Outputs in another partition than that of their input. */
  elsewhere: number;
  /** Dead letters whose value the cluster refused as too large. */
  withoutValue: number;
  /** The first few that are not what they must be. */
  readonly wrong: string[];
  /** By index: how often it was delivered. */
  readonly deliveries: Uint8Array;
}

const indexHeader = "index";
const mostShown = 10;
/** Dead letters whose value is left out must have been about as large. */
const tooLargeBytes = 1_040_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The inputs from `first` up to below `end`, with their headers. */
export function* indexed(
  inputs: Inputs,
  first = 0,
  end = inputs.count,
): Generator<NewRecord> {
  for (let index = first; index < end; index++) {
    const record = inputs.record(index);
    yield {
      ...record,
      headers: [
        { name: indexHeader, value: String(index) },
        ...record.headers ?? [],
      ],
    };
  }
}

/** Where each input stands in its topic. */
export class Places {
  readonly partition: Int32Array;
  readonly offset: Int32Array;
  readonly timestampMs: Float64Array;

  constructor(count: number) {
    this.partition = new Int32Array(count).fill(-1);
    this.offset = new Int32Array(count).fill(-1);
    this.timestampMs = new Float64Array(count).fill(-1);
  }

  /** @throws {Error} unless the topic holds every input exactly once. */
  static async read(
    client: IndependentClient,
    topic: string,
    count: number,
  ): Promise<Places> {
    const places = new Places(count);
    const read = await client.visitTopic(topic, (records) => {
      for (const record of records) {
        const index = indexOf(record.headers);
        places.partition[index] = record.partition;
        places.offset[index] = record.offset;
        places.timestampMs[index] = record.timestampMs;
      }
    });
    if (read !== count || places.offset.includes(-1)) {
      throw new Error(`${read} records in ${topic}, not ${count}`);
    }
    return places;
  }
}

/** By partition: what the group has committed, 0 where it has nothing. */
export async function committedOffsets(
  client: IndependentClient,
  { group, input }: JobTopics,
): Promise<number[]> {
  const committed = await client.committedOffsets(group, input);
  return Array.from(committed, (each) => each?.offset ?? 0);
}

/** How many inputs are committed. */
export async function committedTotal(
  client: IndependentClient,
  topics: JobTopics,
): Promise<number> {
  const offsets = await committedOffsets(client, topics);
  return offsets.reduce((sum, each) => sum + each, 0);
}

/**
 * Reads all three topics and judges every record in them; with read_committed,
 * as readers of transactions see them.
 */
export async function checkJob(
  client: IndependentClient,
  inputs: Inputs,
  topics: JobTopics,
  options: ReadOptions = {},
): Promise<JobFindings & { readonly places: Places }> {
  const places = await Places.read(client, topics.input, inputs.count);
  const check = new Check(inputs, topics, places);
  await client.visitTopic(topics.output, (records) => {
    for (const record of records) check.output(record);
  }, options);
  await client.visitTopic(topics.deadLetter, (records) => {
    for (const record of records) check.deadLetter(record);
  }, options);
  return { ...check.end(), places };
}

class Check {
  readonly #inputs: Inputs;
  readonly #topics: JobTopics;
  readonly #places: Places;
  readonly #lastOutputs = new Map<string, number>();
  readonly #lastDeadLetters = new Map<string, number>();
  readonly #found: JobFindings;

  constructor(inputs: Inputs, topics: JobTopics, places: Places) {
    this.#inputs = inputs;
    this.#topics = topics;
    this.#places = places;
    this.#found = {
      outputs: 0,
      deadLetters: 0,
      missing: 0,
      repeated: 0,
      outOfOrder: 0,
      elsewhere: 0,
      withoutValue: 0,
      wrong: [],
      deliveries: new Uint8Array(inputs.count),
    };
  }

  output(record: KafkaRecord): void {
    this.#found.outputs++;
    const fields: Record<string, unknown> = JSON.parse(
      decoder.decode(record.value ?? undefined),
    );
    const index = Number(fields.event_id);
    if (!(index >= 0 && index < this.#inputs.count)) {
      this.#wrong(`an output of no input: event_id ${fields.event_id}`);
      return;
    }
    this.#deliver(index, this.#lastOutputs, record.key);
    if (record.partition !== this.#places.partition[index]) {
      this.#found.elsewhere++;
    }
    const problem = outputProblem(record, fields, this.#expected(index));
    if (problem !== undefined) this.#wrong(`output of ${index}: ${problem}`);
  }

  deadLetter(record: KafkaRecord): void {
    this.#found.deadLetters++;
    const index = indexOf(record.headers);
    this.#deliver(index, this.#lastDeadLetters, record.key);
    const problem = this.#deadLetterProblem(record, index);
    if (problem !== undefined) {
      this.#wrong(`dead letter of ${index}: ${problem}`);
    }
  }

  end(): JobFindings {
    for (const [index, deliveries] of this.#found.deliveries.entries()) {
      if (deliveries > 0) {
        this.#found.repeated += deliveries - 1;
        continue;
      }
      this.#found.missing++;
      const { partition, offset } = this.#places;
      this.#wrong(
        `input ${index} (${partition[index]}:${offset[index]}) is missing`,
      );
    }
    return this.#found;
  }

  #expected(index: number): Expected {
    return this.#inputs.expected?.(index) ??
      expectedLogin(this.#inputs.record(index).value);
  }

  #deliver(
    index: number,
    last: Map<string, number>,
    key: Uint8Array | null,
  ): void {
    if (this.#found.deliveries[index]!++ > 0 || key === null) return;
    // What the cluster refuses becomes a dead letter only after its report.
    if (this.#expected(index).kind === "either") return;
    const name = Buffer.from(key).toString("latin1");
    const place = this.#places.partition[index];
    // A key has an order only within the partition from which it came.
    const lane = `${place} ${name}`;
    if ((last.get(lane) ?? -1) > index) this.#found.outOfOrder++;
    else last.set(lane, index);
  }

  #deadLetterProblem(record: KafkaRecord, index: number): string | undefined {
    const places = this.#places;
    const input = this.#inputs.record(index);
    if (this.#expected(index).kind === "output") return "it is valid";
    if (!areEqual(record.key, input.key ?? null)) return "another key";
    if (record.timestampMs !== places.timestampMs[index]) return "another time";
    const omitted = headerOf(record, "switchyard.value.omitted");
    if (omitted !== undefined) {
      this.#found.withoutValue++;
      const size = input.value?.length ?? 0;
      if (size < tooLargeBytes || Number(omitted) !== size) {
        return `its value of ${size} bytes is omitted`;
      }
    } else if (!areEqual(record.value, input.value)) {
      return "another value";
    }
    const kept = record.headers.slice(1, 1 + (input.headers?.length ?? 0));
    for (const [at, header] of (input.headers ?? []).entries()) {
      const same = kept[at]?.name === header.name &&
        areEqual(kept[at].value, header.value);
      if (!same) return `header ${header.name} is not kept`;
    }
    if (!headerOf(record, "switchyard.reason")) return "no reason";
    const origin = {
      topic: this.#topics.input,
      partition: String(places.partition[index]),
      offset: String(places.offset[index]),
      group: this.#topics.group,
    };
    for (const [name, value] of Object.entries(origin)) {
      const said = headerOf(record, `switchyard.${name}`);
      if (said !== value) return `its ${name} is ${said}, not ${value}`;
    }
  }

  #wrong(what: string): void {
    if (this.#found.wrong.length < mostShown) this.#found.wrong.push(what);
  }
}

/** What the reference processor promises for these bytes. */
export function expectedLogin(value: Uint8Array | null): Expected {
  const deadLetter = { kind: "dead letter" } as const;
  if (value === null) return deadLetter;
  let login: Record<string, unknown>;
  try {
    login = JSON.parse(decoder.decode(value));
  } catch {
    return deadLetter;
  }
  const isObject = typeof login === "object" && login !== null &&
    !Array.isArray(login);
  if (!isObject) return deadLetter;
  const { user_id, app_version, device_type, ip, locale, device_id } = login;
  const texts = [user_id, app_version, device_type, ip, locale, device_id];
  const { timestamp } = login;
  if (!texts.every((each) => typeof each === "string")) return deadLetter;
  if (user_id === "" || typeof timestamp !== "number") return deadLetter;
  // A Date holds no later time, and a time before 1970 is no login's.
  if (!(timestamp >= 0 && timestamp <= 8.64e12)) return deadLetter;
  // It is written anew, and compared apart.
  delete login.processed_at;
  return {
    kind: "output",
    fields: {
      ...login,
      device_type: (device_type as string).trim().toLowerCase(),
      locale: (locale as string).toUpperCase(),
      login_at: new Date(timestamp * 1000).toISOString(),
    },
  };
}

/** Why this is not the output that `expected` says, `processed_at` aside. */
export function outputProblem(
  { key }: KafkaRecord,
  { processed_at, ...fields }: Record<string, unknown>,
  expected: Expected,
): string | undefined {
  const age = Date.now() - Date.parse(String(processed_at));
  if (!(age >= 0 && age < 3_600_000)) return `processed_at ${processed_at}`;
  if (!areEqual(key, String(fields.user_id))) return "its key is not user_id";
  switch (expected.kind) {
    case "dead letter":
      return "it is not valid";
    case "either":
      return;
    case "output": {
      const is = canonical(fields);
      const must = canonical(expected.fields);
      return is === must ? undefined : `${is} is not ${must}`.slice(0, 2000);
    }
    default:
      expected satisfies never;
  }
}

/** The same text for the same fields, in whichever order. */
function canonical(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(
    Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1),
  );
}

function indexOf(headers: readonly RecordHeader[]): number {
  const first = headers[0];
  if (first?.name !== indexHeader || first.value === null) {
    throw new Error("a record without its index");
  }
  return Number(decoder.decode(first.value));
}

function headerOf(record: KafkaRecord, name: string): string | undefined {
  const header = record.headers.findLast((each) => each.name === name);
  return header && decoder.decode(header.value ?? undefined);
}

function areEqual(
  one: Uint8Array | string | null,
  other: Uint8Array | string | null,
): boolean {
  if (one === null || other === null) return one === other;
  return Buffer.compare(bytesOf(one), bytesOf(other)) === 0;
}

const bytesOf = (part: Uint8Array | string) =>
  typeof part === "string" ? encoder.encode(part) : part;
