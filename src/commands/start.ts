/** `start`: runs the job of the settings until it is done or told to stop. */
import {
  type LoadedSettings,
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";
import { PropertyError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { PoolStartError } from "../pool/mod.ts";
import { ListenError } from "../telemetry/http.ts";
import { parseDuration } from "../config/duration.ts";
import { complain } from "./output.ts";
import { PreflightError } from "./preflight.ts";
import { runJob } from "./run_job.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("start");

/** When the job ends by itself; null: only when it is told to. */
export interface StartOptions {
  /** After this many settled records; embedded, as many are generated. */
  readonly messages: number | null;
  readonly forMs: number | null;
}

/** Wrong words on the command line. */
class UsageError extends Error {}

/** Exit status: 0 clean, 1 failed, 2 wrong usage or settings. */
export async function start(args: readonly string[]): Promise<number> {
  let options: StartOptions;
  let loaded: LoadedSettings;
  try {
    options = parseOptions(args);
    loaded = loadProcessSettings();
  } catch (error) {
    if (error instanceof UsageError) {
      return complain(2, `${error.message}; ${USAGE}`);
    }
    if (error instanceof SettingsError) return complain(2, error.message);
    throw error;
  }
  const problem = leaseProblem(loaded.settings);
  if (problem !== null) return complain(2, problem);
  try {
    return await runJob(loaded, options);
  } catch (error) {
    if (error instanceof PropertyError) return complain(2, error.message);
    const expected = error instanceof PreflightError ||
      error instanceof PoolStartError || error instanceof ListenError ||
      error instanceof NativeError;
    if (expected) return complain(1, error.message);
    throw error;
  }
}

/** Null: there is none. Only transactions can be aborted from outside. */
function leaseProblem(
  { guarantee, leases, primary, secondary }: Settings,
): string | null {
  if (!leases.strict) return null;
  if (guarantee !== "exactly-once") {
    return "STRICT_LEASES is true and GUARANTEE is not exactly-once: what was " +
      "sent at least once cannot be taken back when a lease ends";
  }
  return primary.brokers === null || secondary.brokers === null
    ? "STRICT_LEASES is true, which needs PRIMARY_BROKERS and SECONDARY_BROKERS"
    : null;
}

function parseOptions(args: readonly string[]): StartOptions {
  let values: { messages?: string; for?: string };
  try {
    values = wordsOf(args, {
      messages: { type: "string" },
      for: { type: "string" },
    });
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    throw new UsageError(problem);
  }
  return {
    messages: values.messages === undefined
      ? null
      : wholeNumber(values.messages),
    forMs: values.for === undefined ? null : duration(values.for),
  };
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UsageError(`--messages takes a number above 0, not "${text}"`);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new UsageError(`--for takes a duration such as 30s, not "${text}"`);
}
