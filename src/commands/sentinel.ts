/** `sentinel`: watches both clusters, votes, fails over, serves the gateway. */
import { parseArgs } from "node:util";
import {
  type LoadedSettings,
  loadProcessSettings,
  SettingsError,
} from "../config/mod.ts";
import { SentinelError } from "../../dr/sentinel/mod.ts";
import { KafkaError, PropertyError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { ListenError } from "../telemetry/http_server.ts";
import { runSentinel } from "./run_sentinel.ts";
import { sentinelFailOver } from "./sentinel_fail_over.ts";

const USAGE = "usage: sentinel";

/** Exit status: 0 clean, 1 failed, 2 wrong usage or settings. */
export async function sentinel(args: readonly string[]): Promise<number> {
  let loaded: LoadedSettings;
  try {
    parseArgs({ args: args[0] === "--" ? args.slice(1) : [...args] });
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    return complain(2, `${problem}; ${USAGE}`);
  }
  try {
    loaded = loadProcessSettings();
  } catch (error) {
    if (error instanceof SettingsError) return complain(2, error.message);
    throw error;
  }
  const { primary, secondary } = loaded.settings;
  if (primary.brokers === null || secondary.brokers === null) {
    const missing = primary.brokers === null
      ? "PRIMARY_BROKERS"
      : "SECONDARY_BROKERS";
    return complain(2, `${missing} is not set: a sentinel needs two clusters`);
  }
  try {
    return await runSentinel(
      loaded,
      primary.brokers,
      secondary.brokers,
      sentinelFailOver,
    );
  } catch (error) {
    // A gateway that would lead to itself is a matter of settings, too.
    if (error instanceof PropertyError || error instanceof RangeError) {
      return complain(2, error.message);
    }
    if (
      error instanceof SentinelError || error instanceof ListenError ||
      error instanceof NativeError || error instanceof KafkaError
    ) return complain(1, error.message);
    throw error;
  }
}

function complain(status: number, message: string): number {
  Deno.stderr.writeSync(new TextEncoder().encode(`${message}\n`));
  return status;
}
