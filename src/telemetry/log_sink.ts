/**
 * Where the lines of all threads go:
 *
 *     line ──> secrets masked ──> repetition folded ─┬─> stderr, or the live view
 *                                                    └─> whoever else takes lines
 */
import type { LogLine } from "./log.ts";
import { SecretMask } from "./log_secrets.ts";
import { attributesOf } from "./log_names.ts";
import { Repetition } from "./repetition.ts";

/** Ten lines of a kind say that something repeats itself; the rest says how often. */
const REPETITION = { lines: 10, windowMs: 10_000, kinds: 1000 };

export type LineTaker = (line: LogLine) => void;

/** Elastic's common schema, whose names and form the lines have. */
const ECS_VERSION = "8.17.0";

/** One line of JSON, in the form of ECS logging, without a line end. */
export const formatLine = (line: LogLine): string =>
  lineText(line, "switchyard");

function lineText(line: LogLine, service: string): string {
  return JSON.stringify({
    "@timestamp": line.time,
    "log.level": line.level,
    message: line.message,
    ...attributesOf(line.fields),
    "service.name": service,
    "ecs.version": ECS_VERSION,
  });
}

export interface LogSinkOptions {
  /** Values that no line may show. */
  readonly secrets?: readonly string[];
  /** Of a clock that never goes back, in ms. */
  readonly now?: () => number;
}

export class LogSink {
  readonly #now: () => number;
  readonly #mask: SecretMask;
  readonly #repetition = new Repetition(REPETITION);
  readonly #takers = new Set<LineTaker>();
  #target: LineTaker;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isTaking = false;

  constructor(
    target: LineTaker = writeToStderr(),
    { secrets = [], now = () => performance.now() }: LogSinkOptions = {},
  ) {
    this.#target = target;
    this.#mask = new SecretMask(secrets);
    this.#now = now;
  }

  /** Bound, so that it can be passed on as it is. */
  readonly write = (line: LogLine): void => {
    const masked = this.#mask.line(line);
    this.#passOn(this.#repetition.take(masked, this.#now()));
    this.#wait();
  };

  /** Sends lines to `target` until the result is disposed. */
  divert(target: LineTaker): Disposable {
    const before = this.#target;
    this.#target = target;
    return { [Symbol.dispose]: () => void (this.#target = before) };
  }

  /**
   * Shows each line to a second taker as well, until the result is disposed.
   * It is called on the way, so it must only keep the line; what it throws is
   * dropped, and so is what it logs meanwhile.
   */
  onLine(taker: LineTaker): Disposable {
    this.#takers.add(taker);
    return { [Symbol.dispose]: () => void this.#takers.delete(taker) };
  }

  /** Says what is still held back: before the end. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#passOn(this.#repetition.flush());
  }

  #wait(): void {
    if (this.#timer !== undefined) return;
    const { dueMs } = this.#repetition;
    if (dueMs === null) return;
    const timer = setTimeout(() => {
      this.#timer = undefined;
      this.#passOn(this.#repetition.due(this.#now()));
      this.#wait();
    }, Math.max(1, dueMs - this.#now()));
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #passOn(lines: readonly LogLine[]): void {
    for (const line of lines) {
      this.#target(line);
      if (this.#takers.size > 0) this.#show(line);
    }
  }

  #show(line: LogLine): void {
    // An exporter that logs why it cannot export would export that, too.
    if (this.#isTaking) return;
    this.#isTaking = true;
    for (const taker of this.#takers) {
      try {
        taker(line);
      } catch {
        // The line is written; that it was not taken must not end the job.
      }
    }
    this.#isTaking = false;
  }
}

function writeToStderr(): LineTaker {
  const encoder = new TextEncoder();
  // As OpenTelemetry names the service.
  const service = Deno.env.get("OTEL_SERVICE_NAME") || "switchyard";
  return (line) => {
    const bytes = encoder.encode(`${lineText(line, service)}\n`);
    try {
      for (let at = 0; at < bytes.length;) {
        at += Deno.stderr.writeSync(bytes.subarray(at));
      }
    } catch {
      // Nobody reads the log any more, and there is nowhere else to say so.
      // The job must not end for that.
    }
  };
}
