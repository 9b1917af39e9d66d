/** `drill`: tries out what a failover would be like. */
import { ClusterPairError } from "../../dr/broker_ids.ts";
import {
  type LoadedSettings,
  loadProcessSettings,
  SettingsError,
} from "../config/mod.ts";
import {
  DrillError,
  reportText,
  type Scenario,
  scenarioNamed,
  SCENARIOS,
  soakText,
} from "../../dr/drill/mod.ts";
import { KafkaError, ReadError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { refusePair } from "./cluster_pair.ts";
import { openSpans } from "./command_telemetry.ts";
import { openConfiguredWorld } from "./drill/configured_world.ts";
import { drillIn, newsText } from "./drill/drill_in.ts";
import { openEmbeddedWorld } from "./drill/embedded_world.ts";
import { runSoak } from "./drill/run_soak.ts";
import {
  DRILL_USAGE,
  type DrillChoices,
  drillOptions,
} from "./drill_options.ts";
import { complain, print, tell } from "./output.ts";
import { openLog } from "./role_log.ts";
import { openNative } from "./open_native.ts";
import { listenToSignals } from "./signals.ts";
import { brokersOf } from "./two_clusters.ts";

/** In these times after a signal a drill ends, clean or not. */
const MOST_STOP_MS = 2_000;
const MOST_CLEANING_MS = 30_000;
/** Brokers that a drill before this one has broken may be on their way. */
const ASK_MS = 15_000;

const USUAL = scenarioNamed("kill")!;

/**
 * Exit status: 0 the objectives were met, 1 they were not, or it failed, 2 wrong
 * usage or settings.
 */
export async function drill(args: readonly string[]): Promise<number> {
  const choices = drillOptions(args);
  if (typeof choices === "string") {
    return complain(2, `${choices}; ${DRILL_USAGE}`);
  }
  if (choices.isList) {
    SCENARIOS.forEach((each) => print(lineOf(each)));
    return 0;
  }
  if (choices.scenario?.needsKafka !== undefined && !choices.isOnClusters) {
    const { name, needsKafka } = choices.scenario;
    return complain(2, `${name} needs --clusters: ${needsKafka}`);
  }
  const stop = new AbortController();
  using _signals = listenToSignals({
    onStop: (signal) => {
      stop.abort(new DrillError(`stopped by ${signal}`));
      // Nothing is left of embedded clusters then; topics on real ones are.
      const mostMs = choices.isOnClusters ? MOST_CLEANING_MS : MOST_STOP_MS;
      Deno.unrefTimer(setTimeout(() => Deno.exit(1), mostMs));
    },
    onStopNow: () => Deno.exit(1),
    onReload: () => {},
  });
  try {
    return await run(choices, stop.signal);
  } catch (error) {
    if (error instanceof SettingsError) return complain(2, error.message);
    if (
      error instanceof DrillError || error instanceof ClusterPairError ||
      error instanceof NativeError || error instanceof KafkaError ||
      error instanceof ReadError
    ) return complain(1, error.message);
    throw error;
  }
}

const NAME_WIDTH = 2 + Math.max(...SCENARIOS.map(({ name }) => name.length));

const lineOf = ({ describes, name, needsKafka }: Scenario): string =>
  name.padEnd(NAME_WIDTH) + describes +
  (needsKafka === undefined ? "" : ` (not embedded: ${needsKafka})`);

async function run(
  choices: DrillChoices,
  signal: AbortSignal,
): Promise<number> {
  const { isJson, isOnClusters, objectivesOf, scenario, seed, soak } = choices;
  const loaded = loadProcessSettings();
  const { settings } = loaded;
  const brokers = isOnClusters
    ? brokersOf(settings, "--clusters needs two clusters")
    : null;
  const log = createLog({
    level: "info",
    write: (line) => tell(newsText(line)),
  });
  const library = await openNative(settings, signal);
  if (brokers === null && settings.primary.brokers !== null) {
    tell("the clusters of the settings are left alone: --clusters is not set");
  }
  if (brokers !== null) {
    const pair = { askMs: ASK_MS, brokers, library, settings };
    await refusePair(pair, ["same-cluster", "shared", "unanswered"], signal);
  }
  if (soak !== null) {
    const summary = await runSoak({
      scenarios: scenario === null
        ? SCENARIOS.filter(({ needsKafka }) =>
          isOnClusters || needsKafka === undefined
        )
        : [scenario],
      count: soak,
      seed,
      atOnce: choices.atOnce,
      objectivesOf,
      isOnClusters,
      commands: choices.commands,
      env: { ...Deno.env.toObject(), LIBRDKAFKA_PATH: library.path },
      say: tell,
    }, signal);
    print(isJson ? JSON.stringify(summary) : soakText(summary));
    return summary.failures === 0 && !signal.aborted ? 0 : 1;
  }
  const chosen = scenario ?? USUAL;
  const objectives = objectivesOf(chosen);
  await using world =
    await (brokers === null
      ? openEmbeddedWorld(library, rolesLog(loaded))
      : openConfiguredWorld({
        library,
        settings,
        brokers,
        commands: choices.commands,
        scenario: chosen.name,
        roles: rolesLog(loaded),
        log,
      }, signal));
  await using telemetry = await openSpans(settings.instanceId, log);
  const report = await drillIn({
    scenario: chosen,
    seed,
    objectives,
    world,
    spans: telemetry.spans,
    onNews: tell,
    onKept: (path) => tell(`what everybody said, and what was found: ${path}`),
  }, signal);
  print(isJson ? JSON.stringify(report) : reportText(report));
  return report.met ? 0 : 1;
}

/** In a fault roles say a lot, and the report is what is wanted. */
function rolesLog({ settings, sources }: LoadedSettings): Log {
  const isWanted = sources.get("logLevel")?.kind !== "default";
  return isWanted
    ? openLog(settings).log
    : createLog({ level: settings.logLevel, write: () => {} });
}
