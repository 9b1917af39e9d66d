/** The load of a latency run, and what its reader measured. */
import { loginLines } from "./input.ts";
import { javaClassPath, toolFolder } from "./paths.ts";
import { run } from "./shell.ts";

const LOGINS = 10_000;
/** For the start of the system and the last records. */
const GRACE_MS = 120_000;

export interface LatencyLoad {
  readonly input: { readonly brokers: string; readonly topic: string };
  /** Where the reader waits for them; must exist. */
  readonly output: { readonly brokers: string; readonly topic: string };
  /** Records/s. */
  readonly rate: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** What `Latency.java` prints. */
export interface MeasuredLatency {
  readonly sent: number;
  readonly received: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** @throws the signal's reason. */
export async function measureLoad(
  load: LatencyLoad,
  signal: AbortSignal,
): Promise<MeasuredLatency> {
  const { input, output, rate, warmUpSeconds, seconds } = load;
  const limitMs = (warmUpSeconds + seconds) * 1000 + GRACE_MS;
  const printed = await run([
    "java",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-cp",
    javaClassPath(toolFolder),
    "bench.Latency",
    ...[input.brokers, input.topic, output.brokers, output.topic],
    ...[rate, warmUpSeconds, seconds].map(String),
  ], {
    input: loginLines(LOGINS),
    signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
  });
  return JSON.parse(printed);
}

/** Null when each record was read once. */
export function lossOf({ sent, received }: MeasuredLatency): string | null {
  if (received < sent) return `${sent - received} of ${sent} missing`;
  if (received > sent) return `${received - sent} of ${sent} repeated`;
  return null;
}
