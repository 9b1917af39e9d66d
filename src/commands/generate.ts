/** `generate`: sends logins to the input topic, for trying a job out. */
import { parseDuration } from "../config/duration.ts";
import {
  type LoadedSettings,
  loadProcessSettings,
  SettingsError,
} from "../config/mod.ts";
import { KafkaError, PropertyError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { usageOf } from "./help.ts";
import { complain } from "./output.ts";
import { runGenerate } from "./run_generate.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("generate");
const MOST_PER_SECOND = 1_000_000;

export interface GenerateOptions {
  /** Logins per second. */
  readonly rate: number;
  /** The share of them that are malformed, 0 to 1. */
  readonly malformed: number;
  /** Ends after so many; null: when it is told to. */
  readonly messages: number | null;
  /** Ends after this time; null: when it is told to. */
  readonly forMs: number | null;
}

/** Exit status: 0 clean, 1 failed, 2 wrong usage or settings. */
export async function generate(args: readonly string[]): Promise<number> {
  const options = generateOptions(args);
  if (typeof options === "string") return complain(2, `${options}; ${USAGE}`);
  let loaded: LoadedSettings;
  try {
    loaded = loadProcessSettings();
  } catch (error) {
    if (error instanceof SettingsError) return complain(2, error.message);
    throw error;
  }
  const { primary } = loaded.settings;
  if (primary.brokers === null) {
    return complain(
      2,
      "PRIMARY_BROKERS is not set; on an embedded cluster `start` generates " +
        "logins by itself",
    );
  }
  try {
    return await runGenerate(loaded, primary.brokers, options);
  } catch (error) {
    if (error instanceof PropertyError) return complain(2, error.message);
    const expected = error instanceof KafkaError ||
      error instanceof NativeError;
    if (expected) return complain(1, error.message);
    throw error;
  }
}

/** What is wrong with them is a text. */
export function generateOptions(
  args: readonly string[],
): GenerateOptions | string {
  try {
    const values = wordsOf(args, {
      rate: { type: "string", default: "1000" },
      malformed: { type: "string", default: "0.01" },
      messages: { type: "string" },
      for: { type: "string" },
    });
    return {
      rate: number("--rate", values.rate, 0.01, MOST_PER_SECOND),
      malformed: number("--malformed", values.malformed, 0, 1),
      messages: values.messages === undefined
        ? null
        : whole("--messages", values.messages),
      forMs: values.for === undefined ? null : duration(values.for),
    };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

function number(name: string, text: string, least: number, most: number) {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new RangeError(
    `${name} takes a number from ${least} to ${most}, not "${text}"`,
  );
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${name} takes a number above 0, not "${text}"`);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new RangeError(`--for takes a duration such as 30s, not "${text}"`);
}
