/** The job as the task `start` runs it. */
import assert from "node:assert/strict";
import { readLine } from "../../src/telemetry/read_line.ts";
import { Child } from "./child.ts";

export interface JobOptions {
  /** Absent: the embedded cluster. */
  readonly brokers?: string;
  /** What follows `start`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The summary line of the operator contract. */
export interface JobSummary {
  readonly event: "summary";
  readonly consumed: number;
  readonly produced: number;
  readonly deadLettered: number;
  readonly skipped: number;
  readonly seconds: number;
}

/** With the names by which the program knows the fields. */
export interface JobLogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const ourPrefixes = /^(PRIMARY|SECONDARY|MIRROR|EMBEDDED|SWITCHYARD|OTEL)_/;

/** Starts a job with two workers that knows only the settings given here. */
export function startJob(options: JobOptions = {}): Child {
  const { brokers, args = [], env = {}, cwd } = options;
  const run = [
    "run",
    "-A",
    "--no-check",
    "--v8-flags=--max-semi-space-size=4",
    main,
  ];
  return Child.deno([...run, "start", ...args], {
    env: {
      ...withoutOurs(),
      WORKERS: "2",
      ...(brokers === undefined ? {} : { PRIMARY_BROKERS: brokers }),
      ...env,
    },
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Waits for a clean end and returns its summary, the only line on stdout. */
export async function cleanEnd(
  job: Child,
  timeoutMs: number,
): Promise<JobSummary> {
  const { code, signal } = await job.exit(timeoutMs);
  const log = job.lines("stderr").slice(-20).join("\n");
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, log);
  return summaryOf(job);
}

export function summaryOf(job: Child): JobSummary {
  const lines = job.lines("stdout");
  assert.equal(lines.length, 1, `stdout is ${lines.join("\n")}`);
  const summary: JobSummary = JSON.parse(lines[0]!);
  assert.equal(summary.event, "summary");
  return summary;
}

/** Its log so far; every line on stderr must be one JSON object. */
export function logOf(job: Child): JobLogLine[] {
  return job.lines("stderr").map(logLine);
}

/** @throws {Error} unless it is a line of a log. */
export function logLine(text: string): JobLogLine {
  const line = readLine(text);
  if (line === null) throw new Error(`no line of a log: ${text}`);
  const { fields, ...rest } = line;
  return { ...fields, ...rest };
}

/** The URL of the job's own HTTP service, once it has started. */
export async function httpOf(job: Child, timeoutMs = 60_000): Promise<string> {
  const line = await job.waitForLine(/"message":"started"/, {
    stream: "stderr",
    timeoutMs,
  });
  return logLine(line)["http"] as string;
}

/**
 * Empties what the environment of the tests says in our names: the settings
 * take an empty variable for an unset one, and refuse unknown ones.
 */
export function withoutOurs(): Record<string, string> {
  const names = Object.keys(Deno.env.toObject());
  return Object.fromEntries(
    names.filter((name) => ourPrefixes.test(name)).map((name) => [name, ""]),
  );
}
