/** What is written by `console.log` and its like becomes lines of the log. */
import { Console } from "node:console";
import { Writable } from "node:stream";
import { format } from "node:util";
import type { Log } from "./log.ts";
import { errorText } from "./log_errors.ts";
import type { LogLevel } from "./log_level.ts";

const LEVEL_OF = {
  debug: "debug",
  log: "info",
  info: "info",
  warn: "warn",
  error: "error",
  trace: "debug",
} as const satisfies Readonly<Record<string, LogLevel>>;

/**
 * From now on, in this thread. Its lines would lie between those of the log on
 * stderr, or stand on stdout, where the summary is the only line.
 */
export function captureConsole(log: () => Log): void {
  const at = (level: LogLevel) => (...said: unknown[]) => {
    const error = said.find((each) => each instanceof Error);
    const words = said.map((each) =>
      each instanceof Error ? errorText(each) : each
    );
    log()[level](format(...words), { stream: "console", error });
  };
  // All else that it can do: tables, counts, times.
  const rest = new Console({
    stdout: linesTo(at("info")),
    stderr: linesTo(at("warn")),
  });
  for (const name of Object.keys(console)) {
    const method: unknown = Reflect.get(rest, name);
    if (typeof method === "function") {
      Reflect.set(console, name, method.bind(rest));
    }
  }
  for (const [name, level] of Object.entries(LEVEL_OF)) {
    Reflect.set(console, name, at(level));
  }
}

const linesTo = (say: (text: string) => void): Writable =>
  new Writable({
    decodeStrings: false,
    write(chunk, _, done) {
      say(String(chunk).trimEnd());
      done();
    },
  });
