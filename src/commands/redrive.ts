/** `redrive`: puts dead letters back into the topics that they came from. */
import {
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";
import { KafkaError, PropertyError, ReadError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { type Filter, FilterError, parseFilters } from "../redrive/filter.ts";
import { LedgerFullError } from "../redrive/ledger.ts";
import {
  redrive as run,
  type RedriveCounts,
  RedriveError,
} from "../redrive/redrive.ts";
import { WriteError } from "../redrive/writer.ts";
import { clientSettings } from "./client_properties.ts";
import { openNative } from "./open_native.ts";
import { complain, print } from "./output.ts";
import { listenToSignals } from "./signals.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("redrive");

interface Options {
  /** Null: the dead-letter topic of the settings. */
  readonly topic: string | null;
  readonly to: string | null;
  readonly filter: Filter;
  readonly isDryRun: boolean;
  readonly max: number | null;
}

/** Wrong words on the command line. */
class UsageError extends Error {}

/** Exit status: 0 done, 1 failed or stopped, 2 wrong usage or settings. */
export async function redrive(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    const { settings } = loadProcessSettings();
    const topic = options.topic ?? settings.dlqTopic;
    if (topic === options.to) {
      throw new UsageError("--to is the topic that the dead letters are in");
    }
    if (settings.primary.brokers === null) {
      throw new UsageError(
        "PRIMARY_BROKERS is not set: an embedded cluster " +
          "has no dead letters yet",
      );
    }
    return await redriveTopic(settings, settings.primary.brokers, {
      ...options,
      topic,
    });
  } catch (error) {
    if (error instanceof UsageError || error instanceof FilterError) {
      return complain(2, `${error.message}; ${USAGE}`);
    }
    if (error instanceof SettingsError || error instanceof PropertyError) {
      return complain(2, error.message);
    }
    if (error instanceof NativeError) return complain(1, error.message);
    throw error;
  }
}

async function redriveTopic(
  settings: Settings,
  brokers: string,
  options: Options & { readonly topic: string },
): Promise<number> {
  const { filter, isDryRun, max, to, topic } = options;
  const stop = new AbortController();
  using _signals = listenToSignals({
    onStop: (signal) => stop.abort(signal),
    onStopNow: () => Deno.exit(1),
    onReload: () => {},
  });
  const library = await openNative(settings, stop.signal);
  const { consumer, producer } = clientSettings(
    settings,
    settings.primary,
    brokers,
  );
  const counts: RedriveCounts = { redriven: 0, skipped: 0, omitted: 0 };
  let failure: string | null = null;
  try {
    await run({
      library,
      consumer,
      producer,
      deadLetterTopic: topic,
      to,
      filter,
      max,
      isDryRun,
      createTopics: settings.createTopics,
      signal: stop.signal,
    }, counts);
    if (stop.signal.aborted) failure = `stopped by ${stop.signal.reason}`;
  } catch (error) {
    if (!isExpected(error)) throw error;
    failure = error.message;
  }
  const summary = {
    event: "redrive",
    ...counts,
    ...(isDryRun ? { dryRun: true } : {}),
  };
  print(JSON.stringify(summary));
  return failure === null ? 0 : complain(1, failure);
}

const isExpected = (error: unknown): error is Error =>
  error instanceof RedriveError || error instanceof ReadError ||
  error instanceof WriteError || error instanceof LedgerFullError ||
  error instanceof KafkaError;

function parseOptions(args: readonly string[]): Options {
  try {
    const values = wordsOf(args, {
      topic: { type: "string" },
      to: { type: "string" },
      filter: { type: "string", multiple: true },
      "dry-run": { type: "boolean", default: false },
      max: { type: "string" },
    });
    return {
      topic: topicName("--topic", values.topic),
      to: topicName("--to", values.to),
      filter: parseFilters(values.filter ?? []),
      isDryRun: values["dry-run"],
      max: values.max === undefined ? null : wholeNumber(values.max),
    };
  } catch (error) {
    if (error instanceof UsageError || error instanceof FilterError) {
      throw error;
    }
    const [problem] = (error as Error).message.split("\n");
    throw new UsageError(problem);
  }
}

function topicName(option: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(text)) return text;
  throw new UsageError(`${option} takes the name of a topic, not "${text}"`);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UsageError(`--max takes a number above 0, not "${text}"`);
}
