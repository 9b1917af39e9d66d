/** `mirror`: copies the active cluster to the other one. */
import { parseArgs } from "node:util";
import {
  type LoadedSettings,
  loadProcessSettings,
  SettingsError,
} from "../config/mod.ts";
import { KafkaError, PropertyError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { ListenError } from "../telemetry/http_server.ts";
import { runMirror } from "./run_mirror.ts";

const USAGE = "usage: mirror [--from primary|secondary]";

/** Exit status: 0 clean, 1 failed, 2 wrong usage or settings. */
export async function mirror(args: readonly string[]): Promise<number> {
  let loaded: LoadedSettings;
  let from: string;
  try {
    const { values } = parseArgs({
      args: args[0] === "--" ? args.slice(1) : [...args],
      options: { from: { type: "string", default: "primary" } },
    });
    from = values.from;
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    return complain(2, `${problem}; ${USAGE}`);
  }
  if (from !== "primary" && from !== "secondary") {
    return complain(2, `--from takes primary or secondary; ${USAGE}`);
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
    return complain(2, `${missing} is not set: a mirror needs two clusters`);
  }
  try {
    const brokers = { primary: primary.brokers, secondary: secondary.brokers };
    return await runMirror(loaded.settings, brokers, from);
  } catch (error) {
    if (error instanceof PropertyError) return complain(2, error.message);
    if (error instanceof KafkaError) {
      return complain(
        1,
        `${error.message}; check PRIMARY_BROKERS, SECONDARY_BROKERS and the ` +
          "settings under primary.kafka and secondary.kafka",
      );
    }
    if (error instanceof ListenError || error instanceof NativeError) {
      return complain(1, error.message);
    }
    throw error;
  }
}

function complain(status: number, message: string): number {
  Deno.stderr.writeSync(new TextEncoder().encode(`${message}\n`));
  return status;
}
