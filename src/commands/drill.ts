/** `drill`: tries out on clusters of its own what a failover would be like. */
import { parseArgs } from "node:util";
import { parseDuration } from "../config/duration.ts";
import { loadProcessSettings, SettingsError } from "../config/mod.ts";
import {
  DEFAULT_OBJECTIVES,
  DrillError,
  type Objectives,
  reportText,
  runDrill,
  type Scenario,
  scenarioNamed,
  SCENARIOS,
} from "../../dr/drill/mod.ts";
import { nearestName, suggestion } from "../config/nearest.ts";
import { KafkaError, ReadError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { createLog, type LogLine, LogSink } from "../telemetry/log.ts";
import { EmbeddedWorld } from "./drill/embedded_world.ts";
import { openNative } from "./open_native.ts";
import { listenToSignals } from "./signals.ts";

const USAGE = "usage: drill [--scenario kill] [--seed N] [--max-rto 5s] " +
  "[--max-rpo 10s] [--json] [--list]";

interface Options {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly objectives: Objectives;
  readonly isJson: boolean;
  readonly isList: boolean;
}

/**
 * Exit status: 0 the objectives were met, 1 they were not, or it failed, 2 wrong
 * usage or settings.
 */
export async function drill(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (typeof options === "string") return complain(2, `${options}; ${USAGE}`);
  if (options.isList) {
    SCENARIOS.forEach(({ describes, name }) =>
      print(`${name.padEnd(NAME_WIDTH)}${describes}`)
    );
    return 0;
  }
  const stop = new AbortController();
  using _signals = listenToSignals({
    onStop: (signal) => stop.abort(new DrillError(`stopped by ${signal}`)),
    onStopNow: () => Deno.exit(1),
    onReload: () => {},
  });
  try {
    return await run(options, stop.signal);
  } catch (error) {
    if (error instanceof SettingsError) return complain(2, error.message);
    if (
      error instanceof DrillError || error instanceof NativeError ||
      error instanceof KafkaError || error instanceof ReadError
    ) return complain(1, error.message);
    throw error;
  }
}

const NAME_WIDTH = 2 + Math.max(...SCENARIOS.map(({ name }) => name.length));

async function run(options: Options, signal: AbortSignal): Promise<number> {
  const { settings, sources } = loadProcessSettings();
  const { isJson, scenario, ...rest } = options;
  // In a fault roles and clients say a lot, and the report is what is wanted.
  const isLogWanted = sources.get("logLevel")?.kind !== "default";
  const roles = createLog({
    level: settings.logLevel,
    write: isLogWanted ? new LogSink().write : () => {},
  });
  const log = createLog({
    level: "info",
    write: (line) => say(newsText(line)),
  });
  if (settings.primary.brokers !== null) {
    say("the clusters of the settings are left alone: a drill makes its own");
  }
  const library = await openNative(settings, signal);
  await using world = await EmbeddedWorld.open(library, roles, signal);
  const report = await runDrill(scenario, { ...rest, world, log }, signal);
  print(isJson ? JSON.stringify(report) : reportText(report));
  return report.met ? 0 : 1;
}

/** What is wrong with them is a text. */
function optionsOf(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: args[0] === "--" ? args.slice(1) : [...args],
      options: {
        scenario: { type: "string", default: "kill" },
        seed: { type: "string", default: "1" },
        "max-rto": { type: "string" },
        "max-rpo": { type: "string" },
        json: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
      },
    });
    const scenario = scenarioNamed(values.scenario);
    if (scenario === null) {
      const names = SCENARIOS.map(({ name }) => name);
      const near = suggestion(nearestName(values.scenario, names));
      return `unknown scenario "${values.scenario}"${near}; there are ` +
        names.join(", ");
    }
    const seed = Number(values.seed);
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
      return `--seed takes a whole number below 2^32, not "${values.seed}"`;
    }
    const given = (text: string | undefined, otherwise: number) =>
      text === undefined ? otherwise : parseDuration(text);
    const usual = { ...DEFAULT_OBJECTIVES, ...scenario };
    const maxRtoMs = given(values["max-rto"], usual.maxRtoMs);
    const maxRpoMs = given(values["max-rpo"], usual.maxRpoMs);
    if (maxRtoMs === null || maxRpoMs === null) {
      return "--max-rto and --max-rpo take durations such as 5s";
    }
    return {
      scenario,
      seed,
      objectives: { maxRtoMs, maxRpoMs },
      isJson: values.json,
      isList: values.list,
    };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

const newsText = ({ fields, message }: LogLine): string =>
  [message, ...Object.values(fields)].join(" ");

function complain(status: number, message: string): number {
  say(message);
  return status;
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
