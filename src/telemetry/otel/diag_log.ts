/**
 * OpenTelemetry's own messages in our log. A collector that is not there makes
 * one with every export; each is said once a minute.
 */
import type { DiagLogger } from "@opentelemetry/api";
import type { Log } from "../log.ts";

const AGAIN_MS = 60_000;
/** Different messages that are remembered. */
const MOST_MESSAGES = 100;

/** Lines with it are not exported: they would be about themselves. */
export const FACILITY = "opentelemetry";

/** @param now ms of a clock that never goes back */
export function diagLogger(log: Log, now: () => number): DiagLogger {
  const said = new Map<string, { atMs: number; repeated: number }>();
  const say = (level: "debug" | "warn") => (text: string) => {
    const message = messageOf(text);
    // Times and counts in it make it no other message.
    const key = message.replaceAll(/\d+/g, "#");
    const before = said.get(key);
    if (before !== undefined && now() - before.atMs < AGAIN_MS) {
      before.repeated++;
      return;
    }
    if (said.size >= MOST_MESSAGES) said.clear();
    said.set(key, { atMs: now(), repeated: 0 });
    log[level](message, {
      facility: FACILITY,
      ...(before?.repeated ? { repeated: before.repeated } : {}),
    });
  };
  return {
    // That telemetry is lost is no failure of the job.
    error: say("warn"),
    warn: say("warn"),
    info: say("debug"),
    debug: say("debug"),
    verbose: say("debug"),
  };
}

/** Of an error, which the SDK passes on as JSON with its stack. */
function messageOf(text: string): string {
  if (!text.startsWith("{")) return text;
  try {
    const { message } = JSON.parse(text);
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}
