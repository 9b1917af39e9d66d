/** `start` as a process of its own, on a test cluster, watched from outside. */
import assert from "node:assert/strict";
import type { Child } from "./child.ts";
import type { IndependentClient, KafkaRecord } from "./independent_client.ts";
import {
  cleanEnd,
  type JobLogLine,
  type JobSummary,
  logLine,
  startJob,
  summaryOf,
} from "./job_process.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { loginRecords } from "./login_fixture.ts";
import { eventually } from "./wait.ts";

export interface JobOptions {
  readonly brokers: string;
  /** Names the topics and the group: see `topicsOf`. */
  readonly name: string;
  /** Arguments of `start`. */
  readonly args?: readonly string[];
  /** More settings, or other values of ours. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Settings for tests that count exactly: a machine that stalls for a while costs
 * no member its session and no transaction its time.
 */
export const patience = {
  PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "60000",
  TRANSACTION_TIMEOUT_MS: "60000",
} as const;

/** The same for members of KIP-848, of which brokers decide the session. */
export const patienceOfKip848 = {
  ...patience,
  PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "",
  PRIMARY_CONSUMER_GROUP_PROTOCOL: "consumer",
} as const;

/** What `/status` says, as far as tests look at it. */
export interface JobStatus {
  readonly phase: string;
  readonly totals: { readonly consumed: number; readonly produced: number };
  readonly workers: readonly {
    readonly id: number;
    readonly state: string;
    readonly partitions: readonly { readonly partition: number }[];
  }[];
  readonly lag: number | null;
  readonly partitions: readonly {
    readonly committed: number | null;
    readonly end: number | null;
    readonly lag: number | null;
  }[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** The group has the job's own name. */
export const topicsOf = (name: string) => ({
  input: `${name}-input`,
  output: `${name}-output`,
  deadLetter: `${name}-input.dlq`,
  group: name,
});

export class Job implements AsyncDisposable {
  static start({ brokers, name, args = [], env = {} }: JobOptions): Job {
    const { input, output, group } = topicsOf(name);
    return new Job(startJob({
      brokers,
      args,
      env: {
        INPUT_TOPIC: input,
        OUTPUT_TOPIC: output,
        GROUP_ID: group,
        HTTP_PORT: "0",
        ...env,
      },
    }));
  }

  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  /** Lines of the log so far, all or those with this message. */
  log(message?: string): JobLogLine[] {
    return this.child.lines("stderr").filter((line) => line.startsWith("{"))
      .map(logLine)
      .filter((line) => message === undefined || line.message === message);
  }

  /** The first line with this message, or with one that begins like this. */
  async logged(
    message: string | RegExp,
    timeoutMs = 60_000,
  ): Promise<JobLogLine> {
    const text = typeof message === "string"
      ? `${RegExp.escape(message)}"`
      : message.source;
    const line = await this.child.waitForLine(
      new RegExp(`"message":"${text}`),
      { stream: "stderr", timeoutMs },
    );
    return logLine(line);
  }

  /** Asks the service, for example for `/livez`. */
  async get(path: string): Promise<HttpAnswer> {
    const { http } = await this.logged("started");
    const response = await fetch(`${http}${path}`);
    return { status: response.status, text: await response.text() };
  }

  async status(): Promise<JobStatus> {
    return JSON.parse((await this.get("/status")).text);
  }

  /** Waits until so many records are settled. */
  async consumed(records: number, timeoutMs = 120_000): Promise<void> {
    await eventually(
      async () => (await this.status()).totals.consumed >= records,
      { what: `consumed ${records} records`, timeoutMs },
    );
  }

  /** SIGTERM to what has started, which must end in order. */
  async stop(timeoutMs = 60_000): Promise<JobSummary> {
    await this.logged("started");
    this.child.signal("SIGTERM");
    return await this.done(timeoutMs);
  }

  /** Waits for a clean end. */
  async done(timeoutMs = 120_000): Promise<JobSummary> {
    return await cleanEnd(this.child, timeoutMs);
  }

  /** Waits for an end with status 1. */
  async failed(timeoutMs = 60_000): Promise<JobSummary> {
    const { code } = await this.child.exit(timeoutMs);
    assert.equal(code, 1, this.child.lines("stderr").slice(-20).join("\n"));
    return summaryOf(this.child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

export interface InputOptions {
  readonly name: string;
  readonly partitions: number;
  /** How many there are; their `event_id` is their number. Default 0. */
  readonly logins?: number;
}

/** Creates the job's input topic with logins of seed 1. */
export async function createInput(
  cluster: KafkaCluster,
  client: IndependentClient,
  { name, partitions, logins = 0 }: InputOptions,
): Promise<void> {
  const { input } = topicsOf(name);
  await cluster.createTopic(input, partitions);
  if (logins > 0) {
    await client.produce(input, loginRecords(logins, { seed: 1 }));
  }
}

/** How many records a restart will still consume. */
export async function uncommitted(
  client: IndependentClient,
  name: string,
): Promise<number> {
  const { input, group } = topicsOf(name);
  const marks = await client.watermarks(input);
  const committed = await client.committedOffsets(group, input);
  return marks.reduce(
    (sum, { high }, partition) =>
      sum + high - (committed[partition]?.offset ?? 0),
    0,
  );
}

const decoder = new TextDecoder();

/** The JSON of a record's value. */
export function jsonOf<T>(record: KafkaRecord): T {
  return JSON.parse(decoder.decode(record.value ?? undefined));
}

/** How many records the topic holds, by partition. */
export async function recordsIn(
  client: IndependentClient,
  topic: string,
): Promise<number[]> {
  const marks = await client.watermarks(topic);
  return marks.map(({ low, high }) => high - low);
}

/**
 * Asserts that the topic holds the outputs of the logins `0..count-1`, each at
 * least once, and returns how many are there beyond that.
 */
export async function assertEveryLogin(
  client: IndependentClient,
  topic: string,
  count: number,
): Promise<number> {
  const times = new Uint32Array(count);
  let outputs = 0;
  await client.visitTopic(topic, (records) => {
    for (const record of records) {
      const { event_id } = jsonOf<{ event_id: number }>(record);
      times[event_id]!++;
      outputs++;
    }
  });
  const lost = times.filter((each) => each === 0).length;
  assert.equal(lost, 0, `${lost} of ${count} logins have no output`);
  return outputs - count;
}

/**
 * How often the group has agreed on who has what, as the brokers' logs say: 1
 * for a member that joined and stayed.
 */
export async function groupGenerations(
  cluster: KafkaCluster,
  group: string,
): Promise<number> {
  const stable = new RegExp(`Stabilized group ${RegExp.escape(group)} `, "g");
  let generations = 0;
  for (const { logFile } of cluster.brokers) {
    const log = await Deno.readTextFile(logFile);
    generations += log.match(stable)?.length ?? 0;
  }
  return generations;
}
