/** The log of a process. */
import {
  type LoadedSettings,
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";
import { secretValues } from "../config/secrets.ts";
import { captureConsole } from "../telemetry/console_lines.ts";
import {
  createLog,
  type Log,
  type LogFields,
  LogSink,
} from "../telemetry/log.ts";

export interface OpenLog {
  readonly log: Log;
  readonly sink: LogSink;
}

/** On stderr, without what the settings say is secret. */
export function openLog(settings: Settings): OpenLog {
  const sink = new LogSink(undefined, { secrets: secretValues(settings) });
  // Also by `Deno.exit`.
  globalThis.addEventListener("unload", () => sink.flush());
  const log = createLog({ level: settings.logLevel, write: sink.write });
  return { log, sink };
}

/**
 * The log of a process that runs until it is told to stop. From now on all that
 * it writes is lines of this log, but for what it is asked for on stdout: also
 * the console's, and errors that nobody catches, which end it.
 */
export function openRoleLog(settings: Settings): OpenLog {
  const { log, sink } = openLog(settings);
  captureConsole(() => log);
  const uncaught = (error: unknown) => {
    log.error("uncaught error", { error });
    Deno.exit(1);
  };
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    uncaught(event.error ?? event.message);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    uncaught(event.reason);
  });
  return { log, sink };
}

/**
 * SIGHUP: takes over what can change while the process runs, which is the level
 * of its log in any case.
 * @param take what else it is; what it did is said
 */
export function reloadSettings(
  log: Log,
  take: (settings: Settings) => LogFields = () => ({}),
  load: () => LoadedSettings = loadProcessSettings,
): void {
  try {
    const { settings } = load();
    const taken = take(settings);
    log.level.current = settings.logLevel;
    log.info("settings read again; these are in effect", {
      logLevel: settings.logLevel,
      ...taken,
    });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    log.error("settings not taken over", { problems: error.problems });
  }
}
