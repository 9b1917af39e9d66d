import { installLines } from "./packages.ts";
import { describeAbsent, type Part } from "./toolchain.ts";

/** What a build tells while it runs. */
export type BuildProgress =
  /** Another process builds: this one waits for it. */
  | { readonly phase: "waiting" }
  | { readonly phase: "configuring"; readonly version: string }
  | {
    readonly phase: "compiling";
    readonly compiled: number;
    readonly total: number;
  }
  | { readonly phase: "linking" }
  | {
    readonly phase: "built";
    readonly path: string;
    readonly seconds: number;
    /** Optional parts that were not there, and so are not in the library. */
    readonly without: readonly Part[];
  }
  | { readonly phase: "failed" };

const LINE_EVERY_PERCENT = 25;

/**
 * Shows a build: on a terminal as one line that is rewritten, elsewhere as a
 * line now and then.
 */
export function progressWriter(
  write: (text: string) => void = writeToStderr,
  isTerminal: boolean = Deno.stderr.isTerminal(),
): (progress: BuildProgress) => void {
  let last = "";
  return (progress) => {
    const text = describe(progress, isTerminal ? 1 : LINE_EVERY_PERCENT);
    if (text === last) return;
    last = text;
    const ends = progress.phase === "built" || progress.phase === "failed";
    const erase = isTerminal ? "\r\x1b[K" : "";
    const end = text !== "" && (ends || !isTerminal) ? "\n" : "";
    if (erase + text + end !== "") write(erase + text + end);
  };
}

function describe(progress: BuildProgress, stepPercent: number): string {
  switch (progress.phase) {
    case "waiting":
      return "librdkafka: another process is building it, waiting";
    case "configuring":
      return `librdkafka ${progress.version} is built, once: configuring`;
    case "compiling": {
      const percent = 100 * progress.compiled / progress.total;
      const step = Math.floor(percent / stepPercent) * stepPercent;
      return `librdkafka: compiling, ${step} %`;
    }
    case "linking":
      return "librdkafka: linking";
    case "built":
      return [
        `librdkafka: built in ${progress.seconds.toFixed(0)} s`,
        ...withoutLines(progress.without),
      ].join("\n");
    case "failed":
      // The error tells; this only clears the terminal's line.
      return "";
  }
}

function withoutLines(parts: readonly Part[]): string[] {
  if (parts.length === 0) return [];
  const lines = [
    ...installLines(parts.map(({ component }) => component)),
    "deno task native --force",
  ];
  return [
    ...parts.map((part) => `  without ${describeAbsent(part)}`),
    "If you need that:",
    ...lines.map((line) => `  ${line}`),
  ];
}

function writeToStderr(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
