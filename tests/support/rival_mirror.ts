/**
 * A mirror that shares the lanes with nobody: its group is another one than that of
 * the task `mirror`, so both have all of them.
 */
import { newMirror } from "../../src/commands/run_mirror.ts";
import { openNative } from "../../src/commands/open_native.ts";
import { loadProcessSettings } from "../../src/config/mod.ts";
import { createLog, LogSink } from "../../src/telemetry/log.ts";

const { settings } = loadProcessSettings();
const sink = new LogSink();
const log = createLog({ level: settings.logLevel, write: sink.write });
const stop = new AbortController();
const stopped = Promise.withResolvers<null>();
Deno.addSignalListener("SIGTERM", () => {
  stop.abort();
  stopped.resolve(null);
});
const library = await openNative(settings, stop.signal);
const mirror = newMirror(library, settings, {
  brokers: {
    primary: settings.primary.brokers!,
    secondary: settings.secondary.brokers!,
  },
  from: "primary",
  log,
  group: "rivals-of-the-mirror",
});
await mirror.start();
const failure = await Promise.race([mirror.failed, stopped.promise]);
if (failure !== null) log.error(failure);
const isClean = await mirror.drain();
Deno.exit(failure === null && isClean ? 0 : 1);
